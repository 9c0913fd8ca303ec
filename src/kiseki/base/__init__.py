"""Ids, clock, paths, sizes. No domain words here; imports nothing of Kiseki."""
