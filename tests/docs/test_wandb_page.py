"""The page of what works of the official client, held against the schema."""

from __future__ import annotations

import re
from pathlib import Path

from graphql import GraphQLObjectType

from kiseki.server.wandb.execution import schema
from kiseki.server.wandb.resolvers import RESOLVERS

PAGE = Path(__file__).parents[2] / "docs" / "compat" / "wandb.md"
UNSERVED = {"organization"}  # in the schema, and always null


def listed() -> dict[str, str]:
    """Return how each operation of the table is said to work."""
    text = PAGE.read_text("utf-8").partition("## Operations")[2].partition("\n## ")[0]
    found: dict[str, str] = {}
    for names, how in re.findall(r"^\| (`.+?`) \| (\w+) \|", text, re.MULTILINE):
        for name in re.findall(r"`(\w+)`", names):
            assert name not in found, f"{name} is listed twice"
            found[name] = how
    return found


def test_every_operation_is_listed() -> None:
    kinds = [schema().type_map[kind] for kind in ("Query", "Mutation")]
    served = {name for kind in kinds if isinstance(kind, GraphQLObjectType) for name in kind.fields}
    page = listed()
    assert served <= set(page), f"not on the page: {sorted(served - set(page))}"
    for name, how in page.items():
        assert how in ("full", "partial", "absent"), name
        if how != "absent":
            assert name in served, f"{name} is said to work, and is not in the schema"


def test_what_works_has_a_resolver() -> None:
    resolved = {path.partition(".")[2] for path in RESOLVERS}
    for name, how in listed().items():
        if how != "absent" and name not in UNSERVED:
            assert name in resolved, name
