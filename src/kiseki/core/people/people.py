"""The composition of what concerns people."""

from __future__ import annotations

from dataclasses import dataclass

from kiseki.core.access import Access
from kiseki.core.people.accounts import Accounts, Policy
from kiseki.core.people.anonymous import Anonymous
from kiseki.core.people.audit import Audit
from kiseki.core.people.invites import Invites
from kiseki.core.people.keys import Keys
from kiseki.core.people.passwords import Passwords
from kiseki.core.people.teams import Teams
from kiseki.storage.interface import MetaStore


@dataclass(frozen=True, slots=True)
class People:
    """The use cases of accounts, teams, keys and invites. Each checks the rights of who asks."""

    accounts: Accounts
    teams: Teams
    keys: Keys
    invites: Invites
    anonymous: Anonymous
    audit: Audit


def open_people(
    meta: MetaStore, access: Access, policy: Policy, passwords: Passwords | None = None
) -> People:
    """Return the use cases over a store."""
    audit = Audit(meta)
    teams = Teams(meta, access, audit)
    return People(
        Accounts(meta, access, audit, policy, passwords or Passwords()),
        teams,
        Keys(meta, access, teams, audit),
        Invites(meta, access, teams, audit),
        Anonymous(meta, access, audit, policy),
        audit,
    )
