"""Point clouds, scenes and meshes (M-08)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from kiseki.errors import UsageTypeError, UsageValueError
from kiseki.sdk.media.base import (
    Content,
    Media,
    Shelf,
    checked_caption,
    checked_file,
    extension_of,
    file_value,
    is_path,
)
from kiseki.sdk.media.pixels import array_of
from kiseki.sdk.values import Normaliser, Ready, clean_text, type_name

FORMATS = ("obj", "gltf", "glb", "babylon", "stl", "pts.json")
POINT_WIDTHS = (3, 4, 6)  # x y z; and a category; and red green blue
SCENE_TYPE = "lidar/beta"
SCENE_PARTS = ("points", "boxes", "vectors")
CORNER_SIGNS = [(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]

# Arrays in scenes are written whole, whatever their length; NaN, which JSON lacks, as null.
_PLAIN = Normaliser(lambda path, reason: None, is_json=True)


class Object3D(Media):
    """Something in three dimensions to log.

    Args:
        data_or_path: points, an array (n, 3) of positions, (n, 4) with a category from 1 to 14, or (n, 6)
            with a colour 0 … 255; a scene {"type": "lidar/beta", "points": …, "boxes": [box3d(…)],
            "vectors": [{"start", "end"}]}; the path of an obj, gltf, glb, babylon, stl or pts.json file; or
            an open file with `file_type`.
        caption: text shown with it.
        file_type: format of an open file.

    Raises:
        UsageValueError: a shape or a format that is not allowed; a file that is not there.
        UsageTypeError: none of the inputs above.
    """

    kind: ClassVar[str] = "object3D-file"

    def __init__(
        self, data_or_path: Any, caption: str | None = None, file_type: str | None = None
    ) -> None:
        self.caption = checked_caption(caption)
        if is_path(data_or_path):
            found = checked_file(data_or_path, "Object3D")
            self._content = Content(_format(found, found), source=found)
        elif hasattr(data_or_path, "read"):
            name = file_type or getattr(data_or_path, "name", "")
            self._content = Content(_format(str(name), data_or_path), _bytes_of(data_or_path))
        elif isinstance(data_or_path, Mapping):
            self._content = _json(_scene(data_or_path))
        elif hasattr(data_or_path, "__array__") or hasattr(data_or_path, "detach"):
            self._content = _json(_points(data_or_path))
        else:
            raise UsageTypeError(
                f"Object3D: {type_name(data_or_path)} is neither an array, nor a scene, nor a file"
            )

    @classmethod
    def from_numpy(cls, data: Any) -> Object3D:
        """Return the points of an array (n, 3), (n, 4) or (n, 6)."""
        return cls(data)

    @classmethod
    def from_file(cls, data_or_path: Any, file_type: str | None = None) -> Object3D:
        """Return the object of a file."""
        return cls(data_or_path, file_type=file_type)

    @classmethod
    def from_point_cloud(
        cls,
        points: Any,
        boxes: Sequence[Mapping[str, Any]] = (),
        vectors: Sequence[Mapping[str, Any]] | None = None,
        point_cloud_type: str = SCENE_TYPE,
    ) -> Object3D:
        """Return a scene of points with boxes and vectors in it."""
        return cls(
            {
                "type": point_cloud_type,
                "points": points,
                "boxes": list(boxes),
                "vectors": list(vectors or ()),
            }
        )

    def to_value(self, shelf: Shelf, key: str) -> Ready:
        """Return the plain dict of the object; see `Media.to_value`."""
        return file_value(
            self.kind, self._content, "object3D", shelf, key, {"caption": self.caption}
        )


def box3d(
    *,
    center: Sequence[float],
    size: Sequence[float],
    orientation: Sequence[float] = (1, 0, 0, 0),
    color: Sequence[int] = (255, 255, 255),
    label: str | None = None,
    score: float | None = None,
) -> dict[str, Any]:
    """Return a box for the `boxes` of a scene.

    Args:
        center: x, y, z of the middle.
        size: lengths of its sides along its own x, y, z.
        orientation: quaternion (real, i, j, k) that turns it; of any length but 0.
        color: red, green, blue; 0 … 255.
        label: text shown with it.
        score: a number shown with it.

    Raises:
        UsageValueError: a sequence has another length; the quaternion is 0.
    """
    import numpy

    middle, sides = _vector(center, 3, "center"), _vector(size, 3, "size")
    turn = _vector(orientation, 4, "orientation")
    norm = float(numpy.linalg.norm(turn))
    if not norm:
        raise UsageValueError("box3d: the orientation (0, 0, 0, 0) turns to nowhere")
    rotation = _rotation(*(turn / norm))
    corners = numpy.array(CORNER_SIGNS) * sides / 2 @ rotation.T + middle
    box: dict[str, Any] = {
        "corners": corners.tolist(),
        "color": [int(part) for part in _vector(color, 3, "color")],
    }
    if label is not None:
        box["label"] = clean_text(str(label))
    if score is not None:
        box["score"] = float(score)
    return box


def _rotation(r: float, i: float, j: float, k: float) -> Any:
    import numpy

    return numpy.array(
        [
            [1 - 2 * (j * j + k * k), 2 * (i * j - k * r), 2 * (i * k + j * r)],
            [2 * (i * j + k * r), 1 - 2 * (i * i + k * k), 2 * (j * k - i * r)],
            [2 * (i * k - j * r), 2 * (j * k + i * r), 1 - 2 * (i * i + j * j)],
        ]
    )


def _vector(given: Sequence[float], length: int, name: str) -> Any:
    import numpy

    found = numpy.asarray(given, dtype=numpy.float64)
    if found.shape != (length,) or not numpy.isfinite(found).all():
        raise UsageValueError(f"box3d: {name} must be {length} numbers, got {given!r}")
    return found


def _points(data: Any) -> list[list[float]]:
    array, _ = array_of(data, "Object3D")
    if array.ndim != 2 or array.shape[1] not in POINT_WIDTHS:
        raise UsageValueError(
            f"Object3D: the shape must be (n, 3), (n, 4) or (n, 6), got {tuple(array.shape)}"
        )
    if array.dtype.kind not in "biuf":
        raise UsageTypeError(f"Object3D: points must be numbers, got {array.dtype}")
    points: list[list[float]] = array.tolist()
    return points


def _scene(data: Mapping[str, Any]) -> dict[str, Any]:
    scene = {"type": SCENE_TYPE, **data}
    if scene["type"] != SCENE_TYPE:
        raise UsageValueError(
            f"Object3D: the type of a scene must be {SCENE_TYPE!r}, got {scene['type']!r}"
        )
    if not any(part in scene for part in SCENE_PARTS):
        raise UsageValueError(f"Object3D: a scene needs one of {', '.join(SCENE_PARTS)}")
    if hasattr(scene.get("points"), "__array__") and len(scene["points"]):
        scene["points"] = _points(scene["points"])
    for part in SCENE_PARTS:
        if scene.get(part) is not None and hasattr(scene[part], "__array__"):
            scene[part] = list(scene[part])
    return scene


def _json(data: Any) -> Content:
    plain = _PLAIN.plain(data, "Object3D")
    return Content("pts.json", json.dumps(plain, separators=(",", ":")).encode())


def _format(name: str, given: Any) -> str:
    found = "pts.json" if name.lower().endswith("pts.json") else extension_of("x." + name.lower())
    if found not in FORMATS:
        raise UsageValueError(f"Object3D: {given!r} is none of the formats {', '.join(FORMATS)}")
    return found


def _bytes_of(file: Any) -> bytes:
    if hasattr(file, "seek"):
        file.seek(0)
    read = file.read()
    return read if isinstance(read, bytes) else str(read).encode()
