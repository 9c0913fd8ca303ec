"""Storage in memory: the oracle of the contract suite, naive and obviously right.

Owns: nothing that outlives the process. Promises: the answers of `interface.py`, by the plainest code that
gives them. Refuses: to be fast. Start reading at `series.py`.
"""
