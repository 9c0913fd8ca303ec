"""Questions: what charts, tables, histories and consoles show.

Owns: the filter language (`filters.py`), bucketing (`buckets.py`), series for charts and their bytes
(`series.py`, `series_reader.py`, `wire.py`), lists of runs (`run_lists.py`), exact rows (`history.py`), and
`queries.py`, which the doors ask. Promises: no sampling; bounded memory and work for every answer. Refuses:
to decide who may ask (that is `core.access`), to change anything.
"""
