"""Storage in one folder, for one process: SQLite files and nothing else to install.

Owns: `meta.db` (`meta.py`, made of the rooms `meta_*.py`; SQLAlchemy) and `history/N.db`, one per project
(`series.py`, plain `sqlite3`). Promises: what `append` returned for survives power loss; readers never wait
for writers; a killed process leaves nothing to repair by hand. Refuses: a second server on the folder
(`lock.py`). Start reading at `meta.py` and `series.py`; the bytes are in `docs/format/embedded.md`.
"""
