"""Reading YAML files as people write them: `1e-3` is a number."""

from __future__ import annotations

import re
from typing import IO, Any

import yaml

# YAML 1.1, which PyYAML reads, wants a period and a sign: it takes `1e-3` for text. YAML 1.2 does not:
# https://yaml.org/spec/1.2.2/#10214-floating-point
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+")


class _Loader(yaml.SafeLoader):
    """The safe loader, which makes plain values only."""


_Loader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+.0123456789"))


def load(file: IO[str]) -> Any:
    """Return the plain values of a YAML document.

    Raises:
        yaml.YAMLError: it is none, or asks for objects.
    """
    return yaml.load(file, _Loader)
