"""The command line: parsing arguments and printing; one file per command.

Owns: the commands, their output for people and as JSON, their exit codes (`output.py`).
Promises: exit code 0 all done, 1 failed and nothing changed, 2 wrong usage, 3 done in part and the rest
named; with `--json` exactly one JSON document on stdout; everything for people about trouble on stderr.
Refuses: work of its own. The commands call `sdk`, `uploader`, `client`, `server` and `core`; this is the
only package that knows both columns of the house. Start reading at `main.py`.
"""
