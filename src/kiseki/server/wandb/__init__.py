"""The second door: what the official `wandb` client asks of a server.

    POST /graphql                        execution.py ─► schema.graphql ─► resolvers in runs.py, account.py …
    POST /files/…/file_stream            writers.py ─► translation.py ─► records ─► core.ingest
    PUT  /files/-/signed/{token}         uploads.py: run files, by addresses that carry their own permission
    PUT  /files/-/signed/content/{token} artifact_files.py: of artifacts; artifacts.py says in which order

It parses, authorises and translates into the records and questions of the native door, and decides nothing:
a run logged through it looks like any other. The words of that wire (`bucket` = run, `model` = project, lines
and offsets of `files`) do not leave this folder. Start at `writers.py`; `docs/compat/wandb.md` says what of
the client works.
"""
