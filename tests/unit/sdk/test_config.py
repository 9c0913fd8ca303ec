"""`run.config` (C-*, I-29 … I-37)."""

from __future__ import annotations

import argparse
import enum
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kiseki.errors import ConfigError, Error, UsageError, UsageTypeError, UsageValueError
from kiseki.record.types import Config as ConfigRecord
from kiseki.sdk import config as config_module
from kiseki.sdk.arguments import chosen_keys
from kiseki.sdk.config import Config, from_yaml, pairs_of


class Colour(enum.Enum):
    RED = 1


@pytest.fixture
def written() -> list[ConfigRecord]:
    return []


@pytest.fixture
def config(written: list[ConfigRecord]) -> Config:
    return Config(written.append, allow_val_change=False)


def test_items_and_attributes(config: Config, written: list[ConfigRecord]) -> None:  # C-01, C-05
    config["lr"] = 0.1
    config.depth = 3
    config.update({"model": {"layers": [1, 2]}}, dropout=0.5)
    assert config.lr == config["lr"] == config.get("lr") == 0.1
    assert list(config) == list(config.keys()) == ["lr", "depth", "model", "dropout"]
    assert len(config) == 4 and "lr" in config and "nothing" not in config
    assert dict(config) == config.as_dict() == {**config}
    assert dict(config.items())["model"] == {"layers": [1, 2]} and 3 in config.values()
    assert [record.set for record in written] == [
        {"lr": 0.1}, {"depth": 3}, {"model": {"layers": [1, 2]}, "dropout": 0.5},
    ]  # fmt: skip
    with pytest.raises(KeyError):
        config["nothing"]
    with pytest.raises(AttributeError):
        _ = config.nothing
    assert not hasattr(config, "nothing")


def test_what_is_read_is_a_copy(config: Config) -> None:
    config["model"] = {"layers": [1]}
    config["model"]["layers"].append(2)
    assert config["model"] == {"layers": [1]}


def test_a_value_that_is_set_stays(config: Config, written: list[ConfigRecord]) -> None:  # I-36
    config.update({"lr": 0.1, "names": ("a", "b")})
    config["lr"] = 0.1
    config.names = ["a", "b"]
    for change in (
        lambda: config.update({"new": 1, "lr": 0.2}),
        lambda: config.__setitem__("lr", 0.2),
        lambda: setattr(config, "lr", 0.2),
    ):
        with pytest.raises(ConfigError, match="log"):
            change()
    assert config.as_dict() == {"lr": 0.1, "names": ["a", "b"]} and len(written) == 1
    config.update({"lr": 0.3}, allow_val_change=True)  # I-37
    assert config.lr == 0.3
    config.setdefaults({"lr": 9, "more": 1})  # C-06
    assert config.lr == 0.3 and config.more == 1


def test_changes_where_they_are_allowed(written: list[ConfigRecord]) -> None:
    config = Config(written.append, allow_val_change=True)
    config.update({"a": {"x": 1}, "b": 2})
    config["a"] = {"y": 2}  # C-07: replaced, not merged
    assert config["a"] == {"y": 2}
    assert config.pop("b") == 2 and config.pop("b", None) is None
    del config["a"]
    assert len(config) == 0 and written[-1].delete == ["a"]


def test_namespace_and_flags(config: Config) -> None:  # C-02, I-29
    config.update(argparse.Namespace(lr=0.1, name="x"))

    class Flags:
        def flag_values_dict(self) -> dict[str, Any]:
            return {"batch": 32}

    config.update(Flags())
    assert config.as_dict() == {"lr": 0.1, "name": "x", "batch": 32}
    for wrong in (3, [("a", 1)], 1.5, {"a"}, print, int):
        with pytest.raises(TypeError):
            pairs_of(wrong)


def test_values_become_plain(config: Config) -> None:  # C-08
    config.update(
        {
            "tuple": (1, 2), "set": {3}, "array": np.arange(50), "f": np.float32(0.5), "nan": math.nan,
            "path": Path("a") / "b", "enum": Colour.RED, "call": math.sqrt, "class": Config, 3: "int",
            "--dashes-": 1, "in": {"inf": [math.inf]}, "object": slice(1),
        }
    )  # fmt: skip
    assert config.as_dict() == {
        "tuple": [1, 2], "set": [3], "array": list(range(50)), "f": 0.5, "nan": None, "path": "a/b",
        "enum": "RED", "call": "math.sqrt", "class": "kiseki.sdk.config.Config", "3": "int",
        "dashes": 1, "in": {"inf": [None]}, "object": "slice(None, 1, None)",
    }  # fmt: skip


def test_periods_and_size(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:  # I-31, I-32
    with pytest.raises(UsageValueError, match=r"a\.b.*a_b"):
        config["a.b"] = 1
    config["a"] = {"b.c": 1}
    with pytest.raises(UsageError, match=r"big.*10 MB"):
        config["big"] = ["x" * 1_000_000] * 11
    monkeypatch.setattr(config_module, "VALUE_BYTES_MAX", 100)
    with pytest.raises(ValueError, match="big"):
        config["big"] = "x" * 100
    assert config.as_dict() == {"a": {"b.c": 1}}


def test_numbers_of_yaml_are_those_people_mean(tmp_path: Path) -> None:  # I-30
    path = tmp_path / "c.yaml"
    path.write_text("a: 1e-3\nb: -2E5\nc: 1.5e+3\nd: .5e1\ne: 0.1\nf: 1\ng: '1e-3'\nh: e1\ni: 1e\n")
    found = from_yaml(str(path))
    assert found == {
        "a": 0.001, "b": -200000.0, "c": 1500.0, "d": 5.0, "e": 0.1, "f": 1, "g": "1e-3", "h": "e1",
        "i": "1e",
    }  # fmt: skip
    path.write_text("a: !!python/object/apply:os.getcwd []\n")
    with pytest.raises(Error):
        from_yaml(str(path))


def test_yaml_in_both_forms(tmp_path: Path) -> None:  # I-30
    path = tmp_path / "c.yaml"
    path.write_text(
        "lr: 0.1\nmodel: {a: 1}\ndescribed: {desc: why, value: 3}\nbare: {value: [1]}\n"
    )
    wanted = {"lr": 0.1, "model": {"a": 1}, "described": 3, "bare": [1]}
    assert from_yaml(str(path)) == pairs_of(str(path)) == pairs_of(path) == wanted
    path.write_text("")
    assert from_yaml(str(path)) == {}
    for text in ("- a\n- b\n", "a: [", "\x00"):
        path.write_text(text)
        with pytest.raises(Error, match=r"c\.yaml"):
            from_yaml(str(path))
    with pytest.raises(Error, match="absent"):
        from_yaml("absent.yaml")


def test_chosen_keys() -> None:  # I-33, I-34, I-35
    config = {"a": 1, "b": 2, "c": 3}
    assert chosen_keys(config, ["a", "x"], None) == {"a": 1}
    assert chosen_keys(config, None, ("a", "x")) == {"b": 2, "c": 3}
    assert chosen_keys(config, None, None) == config
    with pytest.raises(UsageValueError, match="exclude each other"):
        chosen_keys(config, ["a"], ["b"])
    with pytest.raises(UsageTypeError):
        chosen_keys(config, "a", None)
