"""The pure parts of the second door: values, filters, ids, permits, documents."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiseki.core.query.filters import print_filter
from kiseki.errors import Forbidden, Invalid, NotFound
from kiseki.record import keypath
from kiseki.server.wandb import ids, mongo, translation
from kiseki.server.wandb.execution import Documents, schema, strict_json
from kiseki.server.wandb.signing import Permit, Signer
from kiseki.server.wandb.translation import Skipped, Values, same

texts = st.text(max_size=12)
numbers = st.integers(-(2**63), 2**64 - 1) | st.floats()
plain = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
objects = st.dictionaries(texts.filter(lambda key: not key.startswith("_")), plain, max_size=5)


# ── values ──


@given(objects, st.integers(0, 2**40), st.integers(0, 2**52))
def test_a_row_holds_what_its_line_held(found: dict[str, Any], step: int, time_us: int) -> None:
    line = json.dumps({**found, "_step": step, "_timestamp": time_us / 1e6, "_runtime": 1.5})
    row = translation.row(line, 0)
    assert isinstance(row, Values)
    assert (row.step, row.runtime_us) == (step, 1_500_000)
    assert abs(row.time_us - time_us) <= 1
    assert len(row.paths) == len(row.values)
    flat = dict(keypath.flatten(json.loads(json.dumps(found)), ""))
    assert same(dict(zip(row.paths, row.values, strict=True)), flat)


@given(st.text(max_size=60))
def test_a_line_is_a_row_or_set_aside(line: str) -> None:
    assert isinstance(translation.row(line, 3), (Values, Skipped))
    assert isinstance(translation.sample(line), (Values, Skipped))
    assert translation.console(line, 5, 1).line == 5


@pytest.mark.parametrize(
    "line",
    ["", "null", "[1]", "{", '{"_step": -1}', '{"_step": "a"}', '{"_step": 1.5}', "[" * 9_000],
)
def test_what_is_no_row_is_set_aside(line: str) -> None:
    assert isinstance(translation.row(line, 0), Skipped)


def test_halves_of_characters_are_replaced() -> None:
    assert translation.parse(r'{"a\ud800": "x\udc00y", "b": "\ud83d\ude00"}') == {
        "a\ufffd": "x\ufffdy",
        "b": "😀",
    }


@given(plain)
def test_answers_are_strict_json(value: Any) -> None:
    def refuse(text: str) -> None:
        raise AssertionError(text)

    json.loads(strict_json(value), parse_constant=refuse)


@given(objects, objects)
def test_a_summary_becomes_the_one_that_was_sent(
    known: dict[str, Any], sent: dict[str, Any]
) -> None:
    before = dict(keypath.flatten(known, ""))
    changed, gone = translation.summary_change(translation.summary(json.dumps(sent)), before)
    after = {path: value for path, value in before.items() if path not in gone} | changed
    assert same(after, dict(keypath.flatten(json.loads(json.dumps(sent)), "")))


@given(objects)
def test_a_config_comes_back(config: dict[str, Any]) -> None:
    wrapped = translation.wrapped(config, {"t": {"1": 2}})
    found, internal = translation.config(translation.unparse(wrapped))
    assert same(found, json.loads(json.dumps(config))) and internal == {"t": {"1": 2}}


def test_console_lines() -> None:
    line = translation.console("ERROR 2026-11-22T05:26:19.227400 oops", 3, 1)
    assert (line.stream, line.text, line.line) == ("stderr", "oops", 3)
    line = translation.console('{"level":"error","content":"x","label":"a"}', 0, 7)
    assert (line.stream, line.text, line.label, line.time_us) == ("stderr", "x", "a", 7)
    assert translation.console("{no json", 0, 7).text == "{no json"


def test_times_that_are_none() -> None:
    for value in (None, True, "1", math.nan, math.inf, 1e300):
        assert translation.micros(value) is None


# ── filters ──


@pytest.mark.parametrize(
    ("filter", "text"),
    [
        ({}, ""),
        ({"state": "finished"}, 'state:"finished"'),
        ({"config.lr": {"$gte": 0.1, "$lt": 1}}, "config.lr>=0.1 config.lr<1"),
        ({"config.a.value.b": 1}, "config.a.b:1"),
        ({"$or": [{"name": "a"}, {"name": "b"}]}, 'id:"a" or id:"b"'),
        ({"$and": []}, ""),
    ],
)
def test_filters(filter: Any, text: str) -> None:
    tree = mongo.parse(json.dumps(filter))
    assert print_filter(tree).replace('"', "") == text.replace('"', "")


@pytest.mark.parametrize(
    "filter",
    [
        [], 1, {"$where": "x"}, {"unknown": 1}, {"config.a": {"$near": 1}}, {"$and": 1}, {"$or": [1]},
        {"config.a": {"$in": 1}}, {"config.a": {"$in": list(range(2_000))}}, {"config.a": [1]},
        {"name": {"$regex": "(a+)+$"}}, {"name": {"$regex": "a|b"}},
    ],
)  # fmt: skip
def test_filters_that_are_refused(filter: Any) -> None:
    with pytest.raises(Invalid):
        mongo.parse(json.dumps(filter))


def test_a_deep_filter_is_refused() -> None:
    for depth in (100, 100_000):
        with pytest.raises(Invalid):
            mongo.parse('{"$and":[' * depth + '{"name":"a"}' + "]}" * depth)


@given(plain)
def test_any_filter_is_a_tree_or_refused(value: Any) -> None:
    for filter in (value, {"$and": [value]}, {"config.a": value}, {"name": {"$regex": value}}):
        try:
            mongo.parse(json.dumps(filter))
        except Invalid:
            continue


# ── ids, permits, documents ──


@given(st.lists(texts, min_size=3, max_size=3))
def test_ids_come_back(parts: list[str]) -> None:
    id = ids.storage_id("Run", *parts)
    assert ids.names_of("Run", id, 3) == parts
    for kind, count in (("File", 3), ("Run", 2)):
        with pytest.raises(NotFound):
            ids.names_of(kind, id, count)


@given(st.text(max_size=40))
def test_other_texts_are_no_ids(text: str) -> None:
    with pytest.raises(NotFound):
        ids.names_of("Run", text, 3)


@given(texts, st.integers(0, 10_000), st.integers(0, 7))
def test_a_changed_permit_allows_nothing(path: str, at: int, bit: int) -> None:
    signer = Signer(b"secret")
    token = signer.sign(Permit("put", 1, "a", "b", "c", path))
    assert signer.read(token, "put").path == path
    changed = bytearray(token.encode())
    changed[at % len(changed)] ^= 1 << bit
    with pytest.raises(Forbidden):
        signer.read(token, "get")
    text = changed.decode("latin-1")
    try:
        assert signer.read(text, "put").path == path  # bits behind the last byte say nothing
    except Forbidden:
        return


def test_a_document_is_parsed_once() -> None:
    documents = Documents()
    assert documents.get("{ viewer { id } }") is documents.get("{ viewer { id } }")


def test_a_server_that_no_such_client_uses_loads_no_graphql() -> None:
    code = "import sys, kiseki.server.app; sys.exit('graphql' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


# ── scalars, with every release of graphql-core ──


def test_scalars_are_checked_where_they_come_in() -> None:
    def of(name: str, before: str, since: str) -> Any:
        kind = schema().type_map[name]
        return getattr(kind, since, getattr(kind, before))

    assert of("Int", "serialize", "coerce_output_value")(2**40) == 2**40  # sizes beyond 2 GB
    text = of("JSONString", "parse_value", "coerce_input_value")
    assert text("{") == "{"  # read where it is used, with a text of its own
    number = of("Int64", "parse_value", "coerce_input_value")
    assert [number(given) for given in (7, 7.0, "-7", 2**62)] == [7, 7, -7, 2**62]
    for coerce, wrong in ((text, True), (text, {}), (number, True), (number, "x"), (number, 2**63)):
        with pytest.raises(Invalid):
            coerce(wrong)
