"""From the run folder to the server: everything, once, whatever happens on the way.

Owns: following journals and sending them (`feed.py`, `sender.py`), what is shown when that fails
(`messages.py`), the process beside the training (`agent.py`, `__main__.py`; its parent's side is
`process.py`), what is observed of the machine (`environment.py`, `metrics.py`, `observer.py`), and the
same by hand (`sync.py`, `adopt.py`).
Promises: nothing is given up on, nothing is sent twice that counts twice, memory does not grow with an
outage, and no word of success without a receipt. Refuses: changing what the training process wrote.
Start reading at `sender.py`; the pipe protocol stands in `docs/ARCHITECTURE.md`.
"""
