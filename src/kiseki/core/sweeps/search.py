"""What a sweep tries next: every combination of a grid, or a draw that a seed makes reproducible."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kiseki.core.sweeps.config import SweepConfig
from kiseki.core.sweeps.parameters import Parameter

Params = dict[str, Any]


def grid_point(config: SweepConfig, index: int) -> Params:
    """Return the combination with this index: the last parameter changes fastest."""
    chosen: list[Any] = []
    for parameter in reversed(config.parameters):
        index, place = divmod(index, parameter.count or 1)
        chosen.append(parameter.choice(place))
    return nested(config.parameters, chosen[::-1])


def grid(config: SweepConfig, first: int = 0) -> Iterator[tuple[int, Params]]:
    """Yield the combinations from an index on, each with its index; none is made before it is asked for."""
    for index in range(first, config.combinations or 0):
        yield index, grid_point(config, index)


def draw(config: SweepConfig, seed: str) -> Params:
    """Return values drawn at random: the same for the same seed."""
    source = random.Random(seed)
    return nested(config.parameters, [one.at(source.random()) for one in config.parameters])


def nested(parameters: Sequence[Parameter], values: Sequence[Any]) -> Params:
    """Return values by name, those of nested parameters within each other."""
    found: Params = {}
    for parameter, value in zip(parameters, values, strict=True):
        inner = found
        for name in parameter.path[:-1]:
            inner = inner.setdefault(name, {})
        inner[parameter.path[-1]] = value
    return found


def value_of(parameter: Parameter, params: Mapping[str, Any]) -> Any:
    """Return the value of one parameter. Raises KeyError."""
    found: Any = params
    for name in parameter.path:
        if not isinstance(found, Mapping):
            raise KeyError(parameter.name)
        found = found[name]
    return found


def fingerprint(params: Mapping[str, Any]) -> str:
    """Return a short text that is the same for the same values, in whatever order."""
    text = json.dumps(params, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=20).hexdigest()
