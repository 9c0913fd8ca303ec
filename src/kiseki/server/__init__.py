"""The server process: routes, gate, pages.

Owns: the composition (`app.py`), the one gate every request passes (`gate.py`), the error shape
(`problems.py`), the built web app (`static.py`) and the native API (`api/`). Promises: nothing is answered
without credentials that is not on the gate's literal list. Refuses: deciding anything; that is `core`.
Start with `app.serve`.
"""
