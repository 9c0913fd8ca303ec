"""Arrays come back bit for bit, whatever they hold."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kiseki.errors import DataError
from kiseki.storage.embedded.packing import (
    decompress,
    pack_floats,
    pack_ints,
    unpack_floats,
    unpack_ints,
)

lengths = st.integers(0, 300)
EDGES = [-(2**63), 2**63 - 1, 0, 1, -1, 2**62]


@settings(max_examples=150, deadline=None)
@given(arrays(np.int64, lengths, elements=st.integers(-(2**63), 2**63 - 1)))
def test_any_ints(values: np.ndarray) -> None:
    assert np.array_equal(unpack_ints(pack_ints(values)), values)


@settings(max_examples=150, deadline=None)
@given(
    arrays(np.int64, lengths, elements=st.one_of(st.integers(-300, 300), st.sampled_from(EDGES)))
)
def test_small_ints_with_outliers(values: np.ndarray) -> None:
    assert np.array_equal(unpack_ints(pack_ints(values)), values)


@settings(max_examples=150, deadline=None)
@given(arrays(np.int64, lengths, elements=st.integers(-(2**63), 2**63 - 1)))
def test_any_bits_as_floats(words: np.ndarray) -> None:
    """NaN payloads and both zeros included."""
    found = unpack_floats(pack_floats(words.view(np.float64)))
    assert np.array_equal(found.view(np.int64), words)


@settings(max_examples=150, deadline=None)
@given(
    arrays(
        np.float64,
        lengths,
        elements=st.one_of(
            st.integers(-1000, 1000).map(lambda k: k / 1000),
            st.sampled_from([math.nan, math.inf, -math.inf, -0.0]),
        ),
    )
)
def test_decimals_with_exceptions(values: np.ndarray) -> None:
    found = unpack_floats(pack_floats(values))
    assert np.array_equal(found.view(np.int64), values.view(np.int64))


@pytest.mark.parametrize(
    ("values", "bytes_per_value"),
    [
        (np.arange(4096) * 10 + 2**40, 0.02),
        (np.full(4096, 7), 0.02),
        (np.arange(4096) // 100, 0.1),
        (1_700_000_000_000_000 + np.arange(4096) * 50_000 + np.arange(4096) % 97, 1.2),
    ],
)
def test_regular_ints_take_little_room(values: np.ndarray, bytes_per_value: float) -> None:
    assert len(pack_ints(values.astype(np.int64))) <= bytes_per_value * len(values)


def test_kinds_of_metrics_take_little_room() -> None:
    random = np.random.default_rng(0)
    noise = random.normal(size=4096)
    turns = np.arange(4096) / 4096 * np.pi
    for values, bytes_per_value in (
        (noise.astype(np.float32).astype(np.float64), 3.6),
        (noise, 7.3),
        (np.round(noise, 3), 2.1),
        (np.cos(turns), 4.2),
        (np.full(4096, 0.1), 0.05),
    ):
        assert len(pack_floats(values)) <= bytes_per_value * len(values)


def test_damage_is_an_error_of_ours() -> None:
    with pytest.raises(DataError):
        decompress(b"not zstd")
    with pytest.raises(DataError):
        unpack_floats(b"\x63" + bytes(40))
