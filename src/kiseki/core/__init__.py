"""The use cases: the only way from a door to data.

Owns: who may do what (`access.py`), taking records in (`ingest.py`, `decode.py`, `opening.py`), the folds of
active runs (`folds.py`, `saved.py`), projects and runs, questions (`query/`), what watchers are told
(`live.py`), background jobs. Promises: acknowledged means committed; each record is stored and folded once;
every queue and answer is bounded. Refuses: HTTP, SQL, and knowing which storage it runs on.
Start with `service.py`, which puts it together.
"""
