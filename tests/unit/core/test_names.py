"""I-14, I-20 and the reserved words of the page addresses (ui-spec §2)."""

from __future__ import annotations

import pytest

from kiseki.core import names
from kiseki.errors import Invalid


@pytest.mark.parametrize("name", ["digits", "a b", "ümläut", "x" * 128, "a.b-c_d~", "実験", "v1,2"])
def test_ordinary_names_are_taken(name: str) -> None:
    names.check_project(name)
    names.check_run_id(name)
    names.check_entity(name)


@pytest.mark.parametrize("character", "/\\#?%:\x00\n\x7f\ud800")
def test_characters_that_break_addresses_are_refused(character: str) -> None:
    for check in (names.check_project, names.check_run_id, names.check_entity):
        with pytest.raises(Invalid):
            check(f"a{character}b")


@pytest.mark.parametrize("name", ["", " ", " a", "a ", ".", "..", "x" * 129])
def test_empty_padded_and_long_names_are_refused(name: str) -> None:
    for check in (names.check_project, names.check_run_id, names.check_entity):
        with pytest.raises(Invalid):
            check(name)


@pytest.mark.parametrize(
    "name", ["api", "-", "graphql", "login", "registry", "assets", "artifactsV2"]
)
def test_first_segments_of_addresses_are_reserved(name: str) -> None:
    with pytest.raises(Invalid):
        names.check_entity(name)
    with pytest.raises(Invalid):
        names.check_project(name)
    names.check_run_id(name)  # a run id is never a first segment


@pytest.mark.parametrize(
    ("name", "entity"),
    [("ada", "ada"), ("DOMAIN\\ada", "DOMAIN-ada"), ("", "user"), ("api", "user"), ("...", "user")],
)
def test_any_user_of_the_machine_becomes_an_entity(name: str, entity: str) -> None:
    assert names.to_entity(name) == entity
    names.check_entity(entity)
