"""What is drawn over an image: masks and boxes (M-02), and the names of classes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from kiseki.errors import UsageTypeError, UsageValueError
from kiseki.sdk.media.base import Content, Shelf, checked_file, file_value
from kiseki.sdk.media.pixels import array_of
from kiseki.sdk.media.png import encode_png
from kiseki.sdk.values import Ready, clean_text, type_name

CLASS_MAX = 255  # a mask is a grey PNG with one byte a pixel
CORNERS = ("minX", "maxX", "minY", "maxY")


class Classes:
    """Names of classes, for the masks and boxes of several images.

    Args:
        class_set: dicts with `id` (an integer) and `name`.
    """

    def __init__(self, class_set: Sequence[Mapping[str, Any]]) -> None:
        self.labels: dict[str, str] = {}
        for item in class_set:
            if not isinstance(item, Mapping) or "id" not in item or "name" not in item:
                raise UsageValueError(f"Classes: {item!r} is no dict with 'id' and 'name'")
            self.labels.update(checked_labels({item["id"]: item["name"]}))


class Mask:
    """A class for every pixel of an image.

    Args:
        name: of the mask, for messages.
        given: `mask_data` (an array (height, width) of classes 0 … 255) or `path` of an image file, and
            `class_labels` {class: name} where wanted.
        labels: names of classes that are not given.
    """

    def __init__(self, name: str, given: Any, labels: Mapping[str, str]) -> None:
        self._name = name
        if not isinstance(given, Mapping) or ("mask_data" in given) == ("path" in given):
            raise UsageValueError(f"mask {name!r}: give a dict with 'mask_data' or 'path'")
        self._labels = {**labels, **checked_labels(given.get("class_labels"))}
        if "path" in given:
            self._content = Content(
                "mask.png", source=checked_file(given["path"], f"mask {name!r}")
            )
        else:
            self._content = Content("mask.png", encode_png(_classes(given["mask_data"], name)))

    def to_value(self, shelf: Shelf, key: str) -> Ready:
        """Return the plain dict of the mask; see `Media.to_value`."""
        fields = {"class_labels": self._labels or None}
        return file_value(
            "mask", self._content, "images/mask", shelf, f"{key}_{self._name}", fields
        )


class Boxes:
    """Rectangles over an image.

    Args:
        name: of this set of boxes, for messages.
        given: `box_data`, a list of boxes, and `class_labels` {class: name} where wanted. A box has
            `position` ({minX, maxX, minY, maxY}, or {middle: [x, y], width, height}; parts of the image, or
            pixels with `domain: "pixel"`), and where wanted `class_id`, `box_caption` and `scores`
            {name: number}.
        labels: names of classes that are not given.
    """

    def __init__(self, name: str, given: Any, labels: Mapping[str, str]) -> None:
        self._name = name
        data = given.get("box_data") if isinstance(given, Mapping) else None
        if not isinstance(data, Sequence) or isinstance(data, str):
            raise UsageValueError(f"boxes {name!r}: give a dict with a list 'box_data'")
        self._data: dict[str, Any] = {
            "box_data": [_box(box, f"boxes {name!r}, number {n}") for n, box in enumerate(data)],
            "class_labels": {**labels, **checked_labels(given.get("class_labels"))},
        }

    def to_value(self, shelf: Shelf, key: str) -> Ready:
        """Return the plain dict of the boxes; see `Media.to_value`."""
        content = Content("boxes2D.json", json.dumps(self._data, allow_nan=False).encode())
        folder = "metadata/boxes2D"
        return file_value("boxes2D", content, folder, shelf, f"{key}_{self._name}", {})


def checked_labels(labels: Any) -> dict[str, str]:
    """Return the names of classes, by the class as text."""
    if labels is None:
        return {}
    if not isinstance(labels, Mapping):
        raise UsageTypeError(f"class_labels must be a dict, got {type_name(labels)}")
    found = {}
    for number, name in labels.items():
        if isinstance(number, bool) or not hasattr(number, "__index__"):
            raise UsageTypeError(f"class_labels: the class {number!r} is no integer")
        found[str(int(number))] = clean_text(str(name))
    return found


def _classes(data: Any, name: str) -> Any:
    import numpy

    array, _ = array_of(numpy.asarray(data) if isinstance(data, list) else data, f"mask {name!r}")
    if array.ndim == 3 and 1 in (array.shape[0], array.shape[2]):
        array = array.reshape(array.shape[1:] if array.shape[0] == 1 else array.shape[:2])
    if array.ndim != 2 or 0 in array.shape:
        raise UsageValueError(
            f"mask {name!r}: the shape must be (height, width), got {tuple(array.shape)}"
        )
    if array.dtype.kind not in "biuf" or (array.dtype.kind == "f" and (array % 1 != 0).any()):
        raise UsageTypeError(f"mask {name!r}: classes must be integers, got {array.dtype}")
    if array.min() < 0 or array.max() > CLASS_MAX:
        raise UsageValueError(
            f"mask {name!r}: classes must lie between 0 and {CLASS_MAX}, "
            f"got {array.min():g} to {array.max():g}"
        )
    return array.astype(numpy.uint8)[:, :, None]


def _box(box: Any, what: str) -> dict[str, Any]:
    if not isinstance(box, Mapping) or not isinstance(box.get("position"), Mapping):
        raise UsageTypeError(f"{what}: a box must be a dict with a dict 'position'")
    found: dict[str, Any] = {"position": _position(box["position"], what)}
    domain = box.get("domain")
    if domain is not None:
        if not isinstance(domain, str):
            raise UsageTypeError(f"{what}: domain must be text")
        found["domain"] = domain
    class_id = box.get("class_id")
    if class_id is not None:
        if isinstance(class_id, bool) or not hasattr(class_id, "__index__"):
            raise UsageTypeError(f"{what}: class_id must be an integer, got {class_id!r}")
        found["class_id"] = int(class_id)
    caption = box.get("box_caption")
    if caption is not None:
        if not isinstance(caption, str):
            raise UsageTypeError(f"{what}: box_caption must be text, got {type_name(caption)}")
        found["box_caption"] = clean_text(caption)
    scores = box.get("scores")
    if scores is not None:
        if not isinstance(scores, Mapping):
            raise UsageTypeError(f"{what}: scores must be a dict of numbers")
        found["scores"] = {
            clean_text(str(name)): _number(score, f"{what}: the score {name!r}")
            for name, score in scores.items()
        }
    return found


def _position(position: Mapping[str, Any], what: str) -> dict[str, Any]:
    if all(name in position for name in CORNERS):
        return {name: _number(position[name], f"{what}: {name}") for name in CORNERS}
    if not all(name in position for name in ("middle", "width", "height")):
        raise UsageValueError(
            f"{what}: position needs minX, maxX, minY and maxY, or middle, width and height"
        )
    middle = list(position["middle"])
    if len(middle) != 2:
        raise UsageValueError(f"{what}: middle must be [x, y]")
    return {
        "middle": [_number(part, f"{what}: middle") for part in middle],
        "width": _number(position["width"], f"{what}: width"),
        "height": _number(position["height"], f"{what}: height"),
    }


def _number(value: Any, what: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise UsageTypeError(f"{what} must be a number, got {value!r}") from None
    if not math.isfinite(number):
        raise UsageValueError(f"{what} must be a number, got {number}")
    return int(number) if number.is_integer() and not isinstance(value, float) else number
