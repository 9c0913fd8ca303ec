"""Our own PNG encoder, read back by Pillow."""

from __future__ import annotations

import hashlib
import io
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image as Pil

from kiseki.sdk.media.png import encode_png


@given(
    arrays.arrays(
        np.uint8,
        st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 4)),
    )
)
def test_pixels_come_back(pixels: np.ndarray) -> None:  # M-01
    with Pil.open(io.BytesIO(encode_png(pixels))) as image:
        image.load()
        assert image.mode == {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[pixels.shape[2]]
        assert (np.asarray(image).reshape(pixels.shape) == pixels).all()


def test_sixteen_bits_come_back() -> None:
    pixels = np.arange(600, dtype=np.uint16).reshape(20, 30, 1) * 109
    with Pil.open(io.BytesIO(encode_png(pixels))) as image:
        assert (np.asarray(image) == pixels[:, :, 0]).all()


def test_a_photo_is_about_as_small_as_pillow_makes_it() -> None:
    y, x = np.mgrid[0:256, 0:256]
    rng = np.random.default_rng(0)
    smooth = (np.stack([x, y, (x + y) / 2], 2) + rng.normal(0, 2, (256, 256, 3))).clip(0, 255)
    pixels = smooth.astype(np.uint8)
    buffer = io.BytesIO()
    Pil.fromarray(pixels).save(buffer, "PNG")
    assert len(encode_png(pixels)) < 1.25 * len(buffer.getvalue()) < pixels.size


@pytest.mark.parametrize(
    ("channels", "digest"),
    [(1, "646dab4a2eaf2b1f"), (3, "bcf3f4d4fe2154d9"), (4, "18076c38aa0f6740")],
)
def test_the_same_pixels_are_the_same_bytes(channels: int, digest: str) -> None:
    """Golden but for the compression: builds of zlib differ."""
    pixels = (np.arange(12 * 10 * channels) * 7 % 256).astype(np.uint8).reshape(12, 10, channels)
    png = encode_png(pixels)
    rows = zlib.decompress(png[41:-16])
    assert png[37:41] == b"IDAT" and len(rows) == 12 * (10 * channels + 1)
    assert hashlib.sha256(png[:33] + rows + png[-12:]).hexdigest()[:16] == digest
