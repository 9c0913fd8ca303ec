"""Sweeps: many runs of one program, their parameters chosen by a search. `sweeps.py` is the way in;
`config.py`, `parameters.py`, `search.py`, `bayes.py` and `early_stop.py` are pure.
"""
