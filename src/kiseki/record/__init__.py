"""The record format: the only place that knows the bytes, and what they mean.

Owns: frames (`frame.py`), record payloads (`types.py`), their encoding (`codec.py`), key paths
(`keypath.py`) and the fold that says what config, summary and state a list of records means (`fold.py`).
Promises: decode∘encode is the identity; readers skip unknown record kinds; a kind number is never
reused. Refuses: files, sockets, clocks. Format description: `docs/format/record.md`.
"""
