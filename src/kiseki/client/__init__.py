"""HTTP to a Kiseki server, and what a person's machine remembers about servers.

Owns: requests and typed errors (`http.py`), when to try again (`retry.py`), addresses and keys
(`credentials.py`), the user's folders (`folders.py`), the registry of runs that are not on a server yet
(`registry.py`).
Promises: only standard-library HTTP, loaded when used; every answer is checked to be Kiseki's own; a key
never stands in a message or a `repr`.
Refuses: what the data means, files of a run. Start reading at `http.py`.
"""
