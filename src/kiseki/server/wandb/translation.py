"""What the official client sends, as records. Pure: bytes and text in, records out.

Lines that cannot be understood become `Skipped`, never an exception: the client would stop for good.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import msgspec

from kiseki.record import keypath
from kiseki.record.types import STEP_MAX, Console, Environment, Metric

INTERNAL = "_wandb"
HEADS = frozenset({"_step", "_timestamp", "_runtime", INTERNAL})
LINE_TEXT_MAX = 200  # of a line that is set aside, shown in the notice

_AGGREGATES = {
    1: "min",
    2: "max",
    3: "mean",
    4: "best",
    5: "last",
    6: "none",
    7: "copy",
    8: "first",
}
_GOALS = {1: "minimize", 2: "maximize"}
_PLAIN_LINE = re.compile(
    r"(?P<error>ERROR )?(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?)Z? (?P<text>.*)",
    re.DOTALL,
)
_fast = msgspec.json.Decoder().decode


@dataclass(frozen=True, slots=True)
class Values:
    """One row, or one sample of the machine."""

    paths: tuple[str, ...]
    step: int
    time_us: int
    runtime_us: int
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Skipped:
    """A line that is set aside, and why."""

    reason: str
    text: str


def parse(text: str | bytes) -> Any:
    """Return JSON that may hold bare `NaN` and `±Infinity`. Raises ValueError."""
    if not isinstance(text, (str, bytes)):  # a JSONString that was sent as JSON itself
        raise ValueError(f"a text is expected, not {str(text)[:80]}")
    try:
        return _fast(text)
    except (msgspec.DecodeError, UnicodeError):
        pass
    found = json.loads(text)  # four times as slow, and takes what the client writes
    text = text.decode() if isinstance(text, bytes) else text
    return _without_halves(found) if _HALF.search(text) else found


_HALF = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]")


def _without_halves(value: Any) -> Any:
    """Return a value without halves of characters: texts that hold one cannot be stored."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_without_halves(key): _without_halves(item) for key, item in value.items()}
    return [_without_halves(item) for item in value] if isinstance(value, list) else value


def unparse(value: Any) -> str:
    """Return JSON text as the client writes it: NaN and ±Infinity bare."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def row(line: str, next_step: int) -> Values | Skipped:
    """Return a history line as a row; without `_step` it gets the next one."""
    found = _object(line)
    if isinstance(found, Skipped):
        return found
    step = found.get("_step", next_step)
    if isinstance(step, float) and step.is_integer():
        step = int(step)
    if type(step) is not int or not 0 <= step <= STEP_MAX:
        return Skipped(f"its _step {step!r} is none", line[:LINE_TEXT_MAX])
    return _values(found, step)


def sample(line: str) -> Values | Skipped:
    """Return a line of machine samples. Its keys lose the prefix `system.`, as Kiseki's own have none."""
    found = _object(line)
    if isinstance(found, Skipped):
        return found
    found = {key.removeprefix("system."): value for key, value in found.items()}
    runtime = micros(found.get("_runtime")) or 0
    return _values(found, max(0, runtime) // 1000)


def _object(line: str) -> dict[str, Any] | Skipped:
    try:
        found = parse(line)
    except (ValueError, RecursionError) as error:
        return Skipped(f"not JSON: {error}", line[:LINE_TEXT_MAX])
    if not isinstance(found, dict):
        return Skipped("not an object", line[:LINE_TEXT_MAX])
    return found


def _values(found: Mapping[str, Any], step: int) -> Values:
    paths: list[str] = []
    values: list[Any] = []
    for key, value in found.items():
        if key in HEADS:
            continue
        if keypath.is_level(value):
            for path, inner in keypath.flatten(value, keypath.escape(key) + "."):
                paths.append(path)
                values.append(inner)
        else:
            paths.append(keypath.escape(key))
            values.append(value)
    return Values(
        tuple(paths),
        step,
        micros(found.get("_timestamp")) or 0,
        micros(found.get("_runtime")) or 0,
        tuple(values),
    )


def micros(seconds: Any) -> int | None:
    """Return seconds as microseconds; None for what is no time."""
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        return None
    if not math.isfinite(seconds) or abs(seconds) > 9e12:
        return None
    return round(seconds * 1e6)


def console(line: str, number: int, now_us: int) -> Console:
    """Return a console line: plain text with its time, or the JSON of structured console logs."""
    if line.startswith("{"):
        try:
            found = parse(line)
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, dict) and isinstance(found.get("content"), str):
            return Console(
                stream="stderr" if found.get("level") == "error" else "stdout",
                line=number,
                text=found["content"],
                time_us=_moment(str(found.get("ts") or "")) or now_us,
                label=str(found.get("label") or ""),
            )
    match = _PLAIN_LINE.fullmatch(line.rstrip("\n"))
    if match is None:
        return Console(stream="stdout", line=number, text=line.rstrip("\n"), time_us=now_us)
    return Console(
        stream="stderr" if match["error"] else "stdout",
        line=number,
        text=match["text"],
        time_us=_moment(match["time"]) or now_us,
    )


def _moment(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text.removesuffix("Z"))
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return round(moment.timestamp() * 1e6)


def moment_us(text: Any) -> int | None:
    """Return the ISO time of a `startedAt` as microseconds."""
    return _moment(text) if isinstance(text, str) else None


def config(text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the config of a JSONString, and what the client itself keeps under `_wandb`.

    Raises:
        ValueError: not the client's form of a config.
    """
    found = parse(text)
    if not isinstance(found, dict):
        raise ValueError("the config is not an object")
    plain = {key: _unwrapped(value) for key, value in found.items()}
    internal = plain.pop(INTERNAL, None)
    return plain, internal if isinstance(internal, dict) else {}


def _unwrapped(value: Any) -> Any:
    if isinstance(value, dict) and "value" in value and set(value) <= {"value", "desc"}:
        return value["value"]
    return value


def wrapped(plain: Mapping[str, Any], internal: Mapping[str, Any]) -> dict[str, Any]:
    """Return a config in the client's form."""
    found: dict[str, Any] = {key: {"value": value, "desc": None} for key, value in plain.items()}
    if internal:
        found[INTERNAL] = {"value": dict(internal), "desc": None}
    return found


def definitions(listed: Any) -> Iterator[Metric]:
    """Yield the metrics that a `_wandb.m` list defines; field numbers are those of the client's format."""
    entries = (
        [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
    )
    names = [_name(item) for item in entries]
    for item, name in zip(entries, names, strict=True):
        if not name:
            continue
        options = item.get("6") or []
        rules = [_AGGREGATES[rule] for rule in item.get("7") or [] if rule in _AGGREGATES]
        step = item.get("4")
        index = item.get("5")
        if not step and isinstance(index, int) and 0 < index <= len(names):
            step = names[index - 1]
        yield Metric(
            name=name,
            step_metric=str(step) if step else None,
            step_sync=True if 1 in options else None,
            hidden=True if 2 in options else None,
            summary=rules or None,
            goal=_GOALS.get(item.get("8") or 0),
            overwrite=True,
        )


def _name(item: Mapping[str, Any]) -> str:
    return str(item.get("1") or item.get("2") or "")


def environment(internal: Mapping[str, Any]) -> Environment:
    """Return the machine, as Kiseki's own uploader would name it, and the rest as the client wrote it."""
    about: dict[str, Any] = {}
    writer = newest_writer(internal)
    if writer is not None:
        about = {key: value for key, value in writer.items() if key not in ("git", "email", "root")}
        git = writer.get("git")
        if isinstance(git, dict):
            about["git"] = {"commit": git.get("commit"), "remote": git.get("remote")}
        if writer.get("root"):
            about["cwd"] = writer["root"]
    about["wandb"] = dict(internal)
    return Environment(values=about)


def newest_writer(internal: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what the writer that started last told of its machine."""
    writers = internal.get("e")
    found = (
        [item for item in writers.values() if isinstance(item, dict)]
        if isinstance(writers, dict)
        else []
    )
    return max(found, key=lambda item: str(item.get("startedAt") or ""), default=None)


def summary(text: str) -> dict[str, Any]:
    """Return the complete summary of a JSONString by key path. Raises ValueError: not an object."""
    found = parse(text)
    if not isinstance(found, dict):
        raise ValueError("the summary is not an object")
    return dict(keypath.flatten({key: value for key, value in found.items() if key not in HEADS}))


def ran_us(text: str) -> int:
    """Return how long a run took, as the summary at its end says; 0 where it does not."""
    try:
        found = parse(text) if text else None
    except (ValueError, RecursionError):
        return 0
    internal = found.get(INTERNAL) if isinstance(found, dict) else None
    seconds = internal.get("runtime") if isinstance(internal, dict) else None
    return max(0, micros(seconds) or 0)


def summary_change(
    wanted: Mapping[str, Any], known: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """Return what to set and to delete of a summary so that it is another one; both by key path."""
    changed = {
        path: value
        for path, value in wanted.items()
        if path not in known or not same(known[path], value)
    }
    return changed, [path for path in known if path not in wanted]


def same(a: Any, b: Any) -> bool:
    """Return whether two plain values are the same one; NaN is, and 1 is not 1.0."""
    if type(a) is not type(b):
        return False
    if isinstance(a, float):
        return a == b or (a != a and b != b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(value, b[key]) for key, value in a.items())
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a == b)


def requirements(text: str) -> dict[str, str]:
    """Return the packages of a `requirements.txt`."""
    pairs = (line.strip().partition("==") for line in text.splitlines())
    return {name: version for name, mark, version in pairs if mark and name and version}


def tails(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the last lines of a file as the client wants them: a JSON list of texts."""
    return json.dumps([unparse(row) for row in rows])
