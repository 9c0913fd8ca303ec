"""Storage split by kind of data: small and mutable (meta), large and append-only (series).

Owns: `interface.py` (what `core` may ask for), `memory/` (the oracle of the contract suite),
`embedded/` (SQLite, one folder, one process) and `open.py` (picks one). Promises: `append` is atomic and
durable when it returns. Refuses: deciding what records mean; that is `core`.
"""
