"""How the fold of an attempt is kept in the meta store: parts, cells and metrics.

A part is msgpack: `config` and `summary` (maps), what lists show of them where they are long, `environment`
(machine and packages), `files`, `fold` (everything else that folding goes on from), `edits` (by people, not
folded yet). They are apart because they change at different rates.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from kiseki.core.listed import shortened
from kiseki.record import fold, keypath
from kiseki.record.codec import decode_state, decode_value, encode_state, encode_value
from kiseki.record.fold import Edit, RunState, StoredFile, definition_of
from kiseki.storage.interface import LISTED, LISTED_BYTES_MAX, Metric, Scalar, Space

CELLS_MAX = 2_000  # config paths, and as many summary paths, of one run that filter and sort
CELL_CHARS_MAX = 1_000
PARTS = ("fold", "config", "environment", "files", "edits")  # what folding goes on from
NO_EDITS = encode_value([])

_decode_edits = msgspec.msgpack.Decoder(list[Edit]).decode
_decode_files = msgspec.msgpack.Decoder(dict[str, StoredFile]).decode


def parts(state: RunState, touched: Collection[str]) -> dict[str, bytes]:
    """Return the parts to save after a change of `touched`."""
    rest = msgspec.structs.replace(state, config={}, environment={}, packages={}, files={})
    found = {"fold": encode_state(rest)}
    trees = {"summary": state.summary}
    if "config" in touched:
        trees["config"] = state.config
    for name, tree in trees.items():
        found[name] = encode_value(tree)
        if len(found[name]) > LISTED_BYTES_MAX:
            found[LISTED[name]] = encode_value(shortened(tree))
    if "environment" in touched:
        found["environment"] = encode_value([state.environment, state.packages])
    if "files" in touched:
        found["files"] = encode_value(state.files)
    return found


def columns(state: RunState) -> dict[str, Any]:
    """Return the columns of `Run` that a fold alone says."""
    return {
        "name": state.name,
        "notes": state.notes,
        "tags": tuple(state.tags),
        "group": state.group,
        "job_type": state.job_type,
        "sweep": state.sweep_id,
        "last_us": state.last_us or None,
        "runtime_us": state.runtime_us,
        "rows": state.rows,
        "next_step": state.next_step,
    }


def restore(stored: Mapping[str, bytes]) -> RunState:
    """Return the fold that was saved in parts (`PARTS`); an empty one if nothing was."""
    state = decode_state(stored["fold"]) if "fold" in stored else RunState()
    if "config" in stored:
        state.config = decode_value(stored["config"])
    if "environment" in stored:
        state.environment, state.packages = decode_value(stored["environment"])
    if "files" in stored:  # the first version kept them in `fold`
        state.files = files(stored["files"])
    for edit in edits(stored.get("edits")):
        fold.edit(state, edit)
    return state


def edits(data: bytes | None) -> list[Edit]:
    """Return the part `edits` decoded: what people changed while the attempt was not in memory."""
    return [] if data is None else _decode_edits(data)


def files(data: bytes) -> dict[str, StoredFile]:
    """Return the part `files` decoded."""
    return _decode_files(data)


def copy(state: RunState) -> RunState:
    """Return an independent copy."""
    # There may be very many files, and what is known of each never changes in place.
    again = decode_state(encode_state(msgspec.structs.replace(state, files={})))
    again.files = dict(state.files)
    return again


def scalar(value: Any) -> Scalar:
    """Return what a cell holds of a value: None for what is neither number nor text."""
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf if value > 0 else -math.inf
        return "NaN" if math.isnan(number) else number
    return value[:CELL_CHARS_MAX] if isinstance(value, str) else None


def cells(state: RunState) -> dict[str, Scalar]:
    """Return the scalars of config and summary by `config.…` and `summary.…` path."""
    found: dict[str, Scalar] = {}
    for prefix, items in (
        ("config.", keypath.flatten(state.config)),
        ("summary.", state.values.items()),
    ):
        count = 0
        for path, value in items:
            cell = scalar(value)
            if cell is not None:
                found[prefix + path] = cell
                count += 1
                if count >= CELLS_MAX:
                    break
    return found


def difference(old: Mapping[str, Scalar], new: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Return the cells to write, None for those to remove."""
    changed: dict[str, Scalar] = {
        path: value for path, value in new.items() if old.get(path) != value
    }
    changed.update({path: None for path in old if path not in new})
    return changed


def metrics(state: RunState, system: Mapping[str, int]) -> dict[tuple[Space, str], Metric]:
    """Return the metrics that an attempt knows, by space and path."""
    found: dict[tuple[Space, str], Metric] = {}
    for path, tracked in state.tracked.items():
        definition = definition_of(state.definitions, path) if state.definitions else None
        found["history", path] = Metric(
            path,
            "history",
            tracked.kind,
            tracked.first_us,
            definition.hidden if definition else False,
            definition.step_metric if definition else None,
            definition.goal if definition else None,
        )
    for path, first_us in system.items():
        found["system", path] = Metric(path, "system", "number", first_us)
    return found
