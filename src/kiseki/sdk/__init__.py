"""The training side of Kiseki: from `init()` to the last record of a run.

Owns: the run and what hangs on it (`run.py`), its start (`init.py` decides, `start.py` makes), the way of a
row (`rows.py`, `stream.py`), the console (`console.py`), settings (`settings.py`), and the one place that
knows the active runs (`current.py`).
Promises: what `log` took is with the operating system when it returns; the training never waits for a
network but in `init` and `finish`, both bounded; nothing here ends a training run. Wrong arguments raise at
the call, and nothing of that call is stored.
Refuses: sending (the uploader), what records mean (`record/`).
Start reading at `public.py`, the functions of the module `kiseki`.
"""
