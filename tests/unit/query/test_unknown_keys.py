"""Keys that no run has, and what was meant (docs/api/native.md, filters)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiseki.core.query import filters
from kiseki.core.query.unknown_keys import UnknownKey, unknown_keys

FIELDS = ["config.lr", "config.model.depth", "config.a\\.b", "config.betas", "summary.val/acc"]
METRICS = ["val/loss", "val/acc"]


def unknown(text: str) -> list[UnknownKey]:
    tree = filters.parse(text)
    return [] if tree is None else unknown_keys(tree, FIELDS, METRICS)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("lrr>1", [("lrr", "lr")]),
        ("LR>1", [("LR", "lr")]),
        ("config.model.dept:3", [("config.model.dept", "config.model.depth")]),
        ("depth:3", [("depth", "model.depth")]),
        ("acc>0.9", [("acc", "val/acc")]),
        ("stat:running", [("stat", "state")]),
        ("metric.min.val/los<1", [("metric.min.val/los", "metric.min.val/loss")]),
        ("not (zzzzzz:1 or lrr:2) lrr:3", [("zzzzzz", ""), ("lrr", "lr")]),
        ("lr:1 state:running name~x word", []),
        ("config.model:* config.betas.0:1 a.b:1 config.a\\.b:2 metric.max.val/acc>1", []),
    ],
)
def test_what_was_meant(text: str, found: list[tuple[str, str]]) -> None:
    assert unknown(text) == found


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=30))
def test_any_key_is_answered(name: str) -> None:
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    known = {field.removeprefix("config.").replace("\\", "") for field in FIELDS}
    for key, like in unknown(f'"config.{quoted}":1'):
        assert key.startswith("config.")
        assert like == "" or like.removeprefix("config.") in known
