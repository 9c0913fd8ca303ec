"""Journals: append-only files of frames, one per stream (`docs/format/journal.md`).

Owns: the file header and the writer (`writer.py`), reading whole files (`reader.py`), following a file
that is still being written (`tail.py`).
Promises: what `append` took is with the operating system when it returns; a reader yields every
intact record in front of and behind damage, names what it could not read, and needs bounded memory.
Refuses: what records mean, the network, locks (the one writer of a journal holds its own).
Start reading at `writer.py`.
"""
