"""What the reference page of `init()` promises and the official client dropped: each line shown working.

    python examples/dropped_elsewhere.py

Needs a server (`kiseki server`) for the lines that speak of one; the runs go to the project
`dropped-elsewhere`. Prints one line per behaviour and ends with exit code 1 if one does not hold.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import kiseki

PROJECT = "dropped-elsewhere"
CHECKS: list[tuple[str, Callable[[], None]]] = []


def shows(what: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    def add(check: Callable[[], None]) -> Callable[[], None]:
        CHECKS.append((what, check))
        return check

    return add


@contextlib.contextmanager
def run(**arguments: Any) -> Iterator[kiseki.Run]:
    with kiseki.init(**{"project": PROJECT, **arguments}) as started:
        yield started


def refuses(kind: type[BaseException] | tuple[type[BaseException], ...], **arguments: Any) -> str:
    try:
        kiseki.init(project=PROJECT, **arguments).finish()
    except kind as error:
        assert kiseki.run is None
        return str(error)
    raise AssertionError(f"{arguments} was accepted")


@shows("an id may hold what is harmless, and nothing that is not (I-20)")
def ids() -> None:
    with run(id="a;b,c'd", mode="offline") as started:
        assert started.id == "a;b,c'd"
    for bad in ("a\\b", "a%b", "a/b", "a#b", "a?b", "a:b"):
        assert repr(bad)[1:-1] in refuses((kiseki.UsageError, ValueError), id=bad)


@shows("without a key a script goes on, offline, with one warning (I-47)")
def not_logged_in() -> None:
    address = os.environ.get("KISEKI_BASE_URL") or "http://127.0.0.1:7500"
    with (
        tempfile.TemporaryDirectory() as empty,
        other_environment(KISEKI_API_KEY=None, KISEKI_CONFIG_DIR=empty, KISEKI_BASE_URL=address),
        run() as started,
    ):
        assert started.offline
        started.log({"loss": 1.0})


@shows("allow_val_change has an effect (I-36)")
def config_changes() -> None:
    with run(config={"lr": 0.1}, mode="offline") as started:
        try:
            started.config.lr = 0.2
        except kiseki.ConfigError:
            assert started.config.lr == 0.1
        else:
            raise AssertionError("the value changed")
    with run(config={"lr": 0.1}, mode="offline", allow_val_change=True) as started:
        started.config.lr = 0.2


@shows("an offline run has a name of two words (I-23)")
def names() -> None:
    with run(mode="offline") as started:
        assert len(started.name.split("-")) >= 2


@shows('run.tags += ["more"] adds, and tags="abc" is one tag (I-27, I-28)')
def tags() -> None:
    with run(tags="abc", mode="offline") as started:
        started.tags += ["more"]
        assert started.tags == ("abc", "more")


@shows("a YAML file of plain pairs fills the config (I-30)")
def yaml() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.yaml"
        path.write_text("lr: 0.1\nlayers: 3\n")
        with run(config=str(path), mode="offline") as started:
            assert dict(started.config) == {"lr": 0.1, "layers": 3}


@shows("keys with a period and values of 10 MB are refused, offline too (I-31, I-32)")
def config_limits() -> None:
    assert "a.b" in refuses(kiseki.UsageError, config={"a.b": 1}, mode="offline")
    assert "big" in refuses(kiseki.UsageError, config={"big": "x" * 11_000_000}, mode="offline")


@shows("resume_from wins over another id (I-64)")
def rewind() -> None:
    with run() as first:
        for step in range(5):
            first.log({"loss": 5 - step})
    with run(id="something-else", resume_from=f"{first.id}?_step=2") as again:
        assert again.id == first.id and again.step == 3


@shows("wrong words are a UsageError that is a ValueError, too (I-45, I-53, I-55, I-61, I-67)")
def literals() -> None:
    for arguments in (
        {"mode": "sometimes"},
        {"reinit": "maybe"},
        {"resume": "perhaps"},
        {"resume": "allow", "fork_from": "abc?_step=1"},
        {"id": "abc", "fork_from": "abc?_step=1"},
        {"anonymous": "please"},
    ):
        refuses(kiseki.UsageError, **arguments)
        refuses(ValueError, **arguments)


@shows("config_include_keys, config_exclude_keys, reinit and resume as True or False, tensorboard")
def older_arguments() -> None:
    given = {"a": 1, "b": 2}
    with run(config=given, config_include_keys=["a"], mode="offline") as started:
        assert dict(started.config) == {"a": 1}
        assert kiseki.init(reinit=False) is started
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with run(config=given, config_exclude_keys=["a"], resume=False, mode="offline") as started:
            assert dict(started.config) == {"b": 2}


@shows('resume="auto" never picks up a run that ended well, even without finish() (I-58)')
def auto() -> None:
    with tempfile.TemporaryDirectory() as folder:
        with run(dir=folder, mode="offline") as first:
            first.log({"loss": 1.0})
        with run(dir=folder, mode="offline", resume="auto") as second:
            assert second.id != first.id and not second.resumed


@shows("what finish() has closed can be read at once, and step and summary stay (F-06, F-07)")
def after_the_end() -> None:
    with run(mode="offline") as started:
        started.log({"loss": 1.0})
    assert started.step == 1 and started.summary["loss"] == 1.0
    assert [row["loss"] for row in kiseki.open(started.sync_dir).history()] == [1.0]
    assert kiseki.run is None


@shows("summary and config are mappings; a missing attribute is an AttributeError (S-05, C-05)")
def mappings() -> None:
    with run(config={"lr": 0.1}, mode="offline") as started:
        started.log({"loss": 1.0})
        assert "loss" in started.summary and len(started.summary) >= 1
        assert list(started.config.values()) == [0.1] and len(started.config) == 1
        assert not hasattr(started.summary, "absent") and not hasattr(started.config, "absent")


@shows("names of older scripts work: get_url, project_name, mode, finish(quiet=…) (R-09)")
def older_names() -> None:
    with run() as started:
        assert started.get_url() == started.url
        assert started.project_name() == PROJECT and started.mode == "online"
        started.finish(quiet=True)


@shows(
    'define_metric(goal="maximize", summary="best") (D-10), and DISABLED in the environment (E-06)'
)
def best() -> None:
    with run(mode="offline") as started:
        started.define_metric("accuracy", goal="maximize", summary="best")
        for value in (0.5, 0.9, 0.7):
            started.log({"accuracy": value})
        assert started.summary["accuracy"]["best"] == 0.9
    with other_environment(KISEKI_DISABLED="true"), run() as started:
        assert started.disabled


@contextlib.contextmanager
def other_environment(**variables: str | None) -> Iterator[None]:
    """Set variables as a new script would find them: they are read once per process (E-08)."""
    before = {name: os.environ.get(name) for name in variables}

    def put(values: dict[str, str | None]) -> None:
        kiseki.teardown()
        for name, value in values.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value

    put(variables)
    try:
        yield
    finally:
        put(before)


def main() -> int:
    failed = 0
    for what, check in CHECKS:
        try:
            check()
        except Exception as error:  # each line speaks for itself
            failed += 1
            print(f"NO   {what}: {type(error).__name__}: {error}")
        else:
            print(f"yes  {what}")
        kiseki.finish(quiet=True)
    print(f"{len(CHECKS) - failed} of {len(CHECKS)} hold")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
