"""People: accounts, passwords, teams, keys, invites, anonymous users, and the log of what they did.

Who asks and what they may do is decided in `core/access.py`; here is what changes it. Start reading at
`accounts.py`.
"""
