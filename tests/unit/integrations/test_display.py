"""The card of a run (R-10, J-03)."""

from __future__ import annotations

import pytest

import kiseki
from kiseki.errors import UsageValueError
from kiseki.sdk.display import Card, of_path, page


@pytest.mark.parametrize(
    ("path", "url"),
    [
        ("ada/digits", "http://host:7500/ada/digits"),
        ("ada/digits/3f9a", "http://host:7500/ada/digits/runs/3f9a"),
        ("/ada/digits/runs/3f9a/", "http://host:7500/ada/digits/runs/3f9a"),
        ("ada/my digits", "http://host:7500/ada/my%20digits"),
        ("https://lab.example/x/ada/digits", None),
        ("https://lab.example/ada/digits/runs/3f9a", "https://lab.example/ada/digits/runs/3f9a"),
    ],
)
def test_addresses_of_paths(path: str, url: str | None) -> None:
    if url is None:
        assert of_path(path, "http://host:7500").title == "x/ada/digits"
    else:
        assert of_path(path, "http://host:7500/").url == url


@pytest.mark.parametrize("path", ["", "digits", "a/b/c/d", "a/b/runs/c/d"])
def test_what_is_no_path(path: str) -> None:
    with pytest.raises(UsageValueError, match="entity/project"):
        of_path(path, "http://host:7500")


def test_a_card_holds_no_markup_of_others() -> None:
    evil = '"><script>alert(1)</script>'
    text = page(Card(evil, evil, evil, evil, (evil,)), hidden=True)
    assert "<script" not in text and text.count("&lt;script&gt;") == 6


def test_height_is_a_number() -> None:
    assert "max-height:120px" in page(Card("x"), height=120)
    with pytest.raises(ValueError, match="invalid literal"):
        page(Card("x"), height="1px;background:url(x)")  # type: ignore[arg-type]


def test_outside_of_a_notebook_nothing_is_shown() -> None:
    run = kiseki.init(mode="disabled", name="quiet")
    assert run.display() is False and "quiet" in run.to_html(height=100, hidden=True)
    run.finish()
    assert "quiet" in run._repr_html_()
