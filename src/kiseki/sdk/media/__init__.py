"""What a script can log beside numbers and text: images, tables, sound, … (M-00 … M-15).

A media object checks and keeps its input when it is made, and becomes bytes when it is logged. `batch.py`
turns the media of one `log()` call into plain dicts with a `_type` and writes their files; one module per
kind says what its bytes and fields are. Nothing here is imported before the first media object is made:
`sdk/values.py` recognises them by an attribute. Format of the dicts: `docs/format/values.md`.
"""
