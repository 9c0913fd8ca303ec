"""From arrays of any kind to pixels: `uint8` or `uint16`, (height, width, channels) (M-01).

| numbers | rule |
|---|---|
| `uint8`, `uint16` | as they are |
| bool | False black, True white |
| other integers | 0 … 255; what lies outside is cut |
| floats, all within 0 … 1 | times 255 |
| floats, all within -1 … 1 | -1 black, 1 white |
| other floats | 0 … 255; what lies outside is cut |

NaN is black. Where numbers are cut or NaN, the run says so.
"""

from __future__ import annotations

from typing import Any

from kiseki.errors import UsageValueError
from kiseki.sdk.values import open_array

CHANNELS = (1, 2, 3, 4)
GRID_COLUMNS = 8
GRID_GAP = 2  # pixels


def array_of(value: Any, what: str) -> tuple[Any, bool]:
    """Return (NumPy array, whether channels come first) of an array or tensor."""
    _, _, array = open_array(value, what)
    return array(), hasattr(value, "detach")


def image_pixels(value: Any, normalize: bool = True) -> tuple[Any, str]:
    """Return (pixels, what was done to the numbers: "" if nothing was lost) of one image.

    Tensors of torch have their channels first, and may be batches (number, channels, height, width), which
    become one grid. NumPy arrays have theirs last; first only if the last axis can be none.

    Raises:
        UsageValueError: the shape is no image's.
    """
    array, is_channels_first = array_of(value, "Image")
    if array.ndim == 4 and is_channels_first:
        array = grid(array.transpose(0, 2, 3, 1))
    elif array.ndim == 3 and (
        is_channels_first or (array.shape[2] not in CHANNELS and array.shape[0] in CHANNELS)
    ):
        array = array.transpose(1, 2, 0)
    elif array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in CHANNELS or 0 in array.shape:
        raise UsageValueError(
            f"Image: an array of shape {tuple(array.shape)} is no image; (height, width), "
            "(height, width, 1 to 4 channels) or, for torch, (channels, height, width)"
        )
    return whole_numbers(array, normalize)


def whole_numbers(array: Any, normalize: bool = True) -> tuple[Any, str]:
    """Return (the numbers as `uint8` or `uint16`, what was done to them)."""
    import numpy

    if array.dtype in (numpy.uint8, numpy.uint16):
        return array.copy(), ""
    if array.dtype == numpy.bool_:
        return array.astype(numpy.uint8) * numpy.uint8(255), ""
    if array.dtype.kind not in "iuf":
        raise UsageValueError(f"Image: an array of {array.dtype} has no colours")
    note = ""
    if array.dtype.kind == "f":
        numbers = array.astype(numpy.float64)
        holes = numpy.isnan(numbers)
        if holes.any():
            numbers = numpy.where(holes, 0, numbers)
            note = f"{int(holes.sum()):,} numbers are NaN, drawn black"
        low, high = float(numbers.min()), float(numbers.max())
        if normalize and low >= -1 and high <= 1:
            numbers = (numbers + 1) * 127.5 if low < 0 else numbers * 255
            # NaN is black in either range.
            numbers = numpy.where(holes, 0, numbers)
            return numpy.rint(numbers).astype(numpy.uint8), note
        array = numbers
    low, high = float(array.min()), float(array.max())
    if low < 0 or high > 255:
        cut = f"numbers from {low:g} to {high:g} are cut to 0 … 255"
        note = f"{note}; {cut}" if note else cut
    return numpy.rint(array.clip(0, 255)).astype(numpy.uint8), note


def grid(images: Any) -> Any:
    """Return one image (height, width, channels) of many, in rows of eight."""
    import numpy

    count, height, width, channels = images.shape
    columns = min(count, GRID_COLUMNS)
    rows = -(-count // GRID_COLUMNS)
    down, right = height + GRID_GAP, width + GRID_GAP
    shape = (max(0, rows * down - GRID_GAP), max(0, columns * right - GRID_GAP), channels)
    whole = numpy.zeros(shape, images.dtype)
    for index, image in enumerate(images):
        top, left = index // GRID_COLUMNS * down, index % GRID_COLUMNS * right
        whole[top : top + height, left : left + width] = image
    return whole
