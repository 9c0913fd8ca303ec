"""Images: M-01, M-02, M-03."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image as Pil

import kiseki
from kiseki.errors import UsageError
from tests.unit.sdk_media.conftest import Logged

matplotlib.use("Agg")

ROUGH = (np.arange(5 * 7 * 3) * 5 % 256).astype(np.uint8).reshape(5, 7, 3)


class Tensor:
    """What Kiseki knows of a torch tensor."""

    def __init__(self, array: Any) -> None:
        self.array = np.asarray(array)

    def detach(self) -> Tensor:
        return self

    def cpu(self) -> Tensor:
        return self

    def numel(self) -> int:
        return self.array.size

    def tolist(self) -> Any:
        return self.array.tolist()

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self.array


def pixels(logged: Logged, value: dict[str, Any]) -> np.ndarray:
    with Pil.open(io.BytesIO(logged.bytes_of(value))) as image:
        assert (image.width, image.height) == (value["width"], value["height"])
        return np.asarray(image)


def test_an_array_of_bytes_is_stored_as_it_is(logged: Logged) -> None:  # M-00, M-01
    value = logged.value(kiseki.Image(ROUGH, caption="a ü", grouping=3), "val/sample", step=12)
    assert (pixels(logged, value) == ROUGH).all()
    assert value == {
        "_type": "image-file",
        "path": f"media/images/val/sample_12_{value['sha256'][:20]}.png",
        "sha256": value["sha256"],
        "size": len(logged.bytes_of(value)),
        "width": 7,
        "height": 5,
        "format": "png",
        "caption": "a ü",
        "grouping": 3,
    }
    (record,) = logged.file_records()
    assert (record.path, record.sha256) == (value["path"], value["sha256"])


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_channels_last_and_first(logged: Logged, channels: int) -> None:
    image = (np.arange(20 * 30 * channels) % 251).astype(np.uint8).reshape(20, 30, channels)
    wanted = image[:, :, 0] if channels == 1 else image
    for given in (image, Tensor(image.transpose(2, 0, 1)), image.transpose(2, 0, 1)):
        assert (pixels(logged, logged.value(kiseki.Image(given))) == wanted).all()
    assert (pixels(logged, logged.value(kiseki.Image(image[:, :, 0]))) == image[:, :, 0]).all()


def test_a_batch_of_tensors_is_one_grid(logged: Logged) -> None:
    batch = np.full((9, 3, 4, 5), 200, np.uint8)
    found = pixels(logged, logged.value(kiseki.Image(Tensor(batch))))
    assert found.shape == (2 * 4 + 2, 8 * 5 + 7 * 2, 3)
    assert (found[:4, :5] == 200).all() and (found[4:6] == 0).all() and (found[6:, 7:] == 0).all()


@pytest.mark.parametrize(
    ("numbers", "wanted", "note"),
    [
        (np.array([[0.0, 0.5, 1.0]]), [0, 128, 255], ""),
        (np.array([[-1.0, 0.0, 1.0]]), [0, 128, 255], ""),
        (np.array([[0.0, 128.4, 255.0]]), [0, 128, 255], ""),
        (np.array([[-7.0, 3.0, 300.0]]), [0, 3, 255], "from -7 to 300 are cut"),
        (np.array([[0.0, np.nan, 1.0]]), [0, 0, 255], "1 numbers are NaN"),
        (np.array([[-1.0, np.nan, 1.0]]), [0, 0, 255], "1 numbers are NaN"),
        (np.array([[0.0, np.inf, 9.0]]), [0, 255, 9], "to inf are cut"),
        (np.array([[False, True]]), [0, 255], ""),
        (np.array([[0, 1, 255]], np.int64), [0, 1, 255], ""),
        (np.array([[-5, 1, 999]], np.int64), [0, 1, 255], "from -5 to 999 are cut"),
        (np.array([[0.0, 1.0]], np.float16), [0, 255], ""),
    ],
)
def test_numbers_become_colours(
    logged: Logged, numbers: np.ndarray, wanted: list[int], note: str
) -> None:  # M-01
    value = logged.value(kiseki.Image(numbers))
    assert pixels(logged, value).reshape(-1).tolist() == wanted
    assert len(logged.replaced) == bool(note)
    assert note in "".join(text for _, text in logged.replaced)


def test_normalize_false_takes_floats_as_they_are(logged: Logged) -> None:
    value = logged.value(kiseki.Image(np.array([[0.0, 1.0, 77.0]]), normalize=False))
    assert pixels(logged, value).tolist() == [[0, 1, 77]]


def test_the_array_may_change_after_the_call(logged: Logged) -> None:  # L-15
    array = ROUGH.copy()
    image = kiseki.Image(array)
    array[:] = 0
    assert (pixels(logged, logged.value(image)) == ROUGH).all()
    assert logged.value(image, step=4)["sha256"] == logged.value(image, step=5)["sha256"]


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "CMYK", "F", "1", "I;16"])
def test_images_of_pil(logged: Logged, mode: str) -> None:  # M-01
    image = Pil.fromarray(ROUGH).convert("L" if mode == "I;16" else "RGB").convert(mode)
    value = logged.value(kiseki.Image(image))
    assert pixels(logged, value).shape[:2] == (5, 7) and value["format"] == "png"


def test_an_image_of_pil_bare_in_a_row(logged: Logged) -> None:
    assert (pixels(logged, logged.value(Pil.fromarray(ROUGH))) == ROUGH).all()


def test_mode_converts(logged: Logged) -> None:
    assert pixels(logged, logged.value(kiseki.Image(ROUGH, mode="L"))).ndim == 2
    assert pixels(logged, logged.value(kiseki.Image(ROUGH, "RGBA"))).shape == (5, 7, 4)


@pytest.mark.parametrize("file_type", ["png", "jpg", "jpeg", "webp", "bmp"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_file_types(logged: Logged, file_type: str, channels: int) -> None:  # M-01
    array = np.full((16, 16, channels), 100, np.uint8)
    value = logged.value(kiseki.Image(array, file_type=file_type))
    assert value["format"] == file_type and value["path"].endswith("." + file_type)
    assert abs(pixels(logged, value).reshape(16, 16, -1)[:, :, 0].astype(int) - 100).max() < 4


def test_a_file_keeps_its_bytes(logged: Logged, tmp_path: Path) -> None:  # M-01
    path = tmp_path / "photo.JPG"
    Pil.fromarray(ROUGH).save(path, "JPEG")
    for given in (path, str(path)):
        value = logged.value(kiseki.Image(given))
        assert value["format"] == "jpg" and value["path"].endswith(".jpg")
        assert logged.bytes_of(value) == path.read_bytes()
    value = logged.value(kiseki.Image(path, file_type="png"))
    assert value["format"] == "png" and logged.bytes_of(value)[:4] == b"\x89PNG"


def test_a_figure_of_matplotlib(logged: Logged) -> None:  # M-03
    figure = Figure(figsize=(2, 1), dpi=100)
    axes = figure.add_subplot()
    axes.plot([1, 2], [3, 4])
    for given in (figure, axes, kiseki.Image(figure), kiseki.Image(axes)):
        value = logged.value(given)
        assert value["_type"] == "image-file" and (value["width"], value["height"]) == (200, 100)
        assert pixels(logged, value).shape == (100, 200, 4)
    assert logged.value(kiseki.Image(figure, file_type="jpg"))["format"] == "jpg"


def test_pyplot_itself(logged: Logged) -> None:  # M-03: plt
    from matplotlib import pyplot

    figure = pyplot.figure(figsize=(1, 1), dpi=50)
    try:
        assert logged.value(pyplot)["width"] == 50
    finally:
        pyplot.close(figure)


def test_a_list_is_images_separated(logged: Logged) -> None:  # M-01
    images = [
        kiseki.Image(ROUGH, caption="first", masks={"m": {"mask_data": np.zeros((5, 7), int)}}),
        kiseki.Image(255 - ROUGH),
    ]
    value = logged.value(images, step=3)
    names = value["filenames"]
    assert value["_type"] == "images/separated" and value["count"] == 2 == len(names)
    assert value["captions"] == ["first", ""] and (value["width"], value["height"]) == (7, 5)
    assert [set(masks) for masks in value["all_masks"]] == [{"m"}, set()]
    assert "all_boxes" not in value and all(name.startswith("media/images/m_3_") for name in names)
    for name, wanted in zip(names, (ROUGH, 255 - ROUGH), strict=True):
        with Pil.open(logged.files / name) as image:
            assert (np.asarray(image) == wanted).all()
    assert "captions" not in logged.value([kiseki.Image(ROUGH)])
    assert logged.value([Pil.fromarray(ROUGH)] * 2)["count"] == 2


def test_masks(logged: Logged, tmp_path: Path) -> None:  # M-02
    mask = np.arange(35, dtype=np.int64).reshape(5, 7)
    path = tmp_path / "mask.png"
    Pil.fromarray(mask.astype(np.uint8)).save(path)
    image = kiseki.Image(
        ROUGH,
        classes=[{"id": 0, "name": "road"}, {"id": np.int64(1), "name": "tree"}],
        masks={
            "predictions": {"mask_data": mask, "class_labels": {1: "bush", 2: "car"}},
            "truth": {"path": path},
        },
    )
    value = logged.value(image, "seg", step=2)
    found = value["masks"]["predictions"]
    assert found["class_labels"] == {"0": "road", "1": "bush", "2": "car"}
    assert found["_type"] == "mask"
    assert found["path"].startswith("media/images/mask/seg_predictions_2_")
    with Pil.open(io.BytesIO(logged.bytes_of(found))) as png:
        assert png.mode == "L" and (np.asarray(png) == mask).all()
    truth = value["masks"]["truth"]
    assert truth["class_labels"] == {"0": "road", "1": "tree"}
    assert logged.bytes_of(truth) == path.read_bytes()


BOX = {
    "position": {"minX": 0.1, "maxX": 0.2, "minY": 0.3, "maxY": 0.4},
    "class_id": np.int64(2),
    "box_caption": "car (0.9)",
    "scores": {"acc": 0.9, "loss": 1},
}
PIXELS = {"position": {"middle": [150, 20], "width": 68, "height": 112}, "domain": "pixel"}


def test_boxes(logged: Logged) -> None:  # M-02
    classes = kiseki.Classes([{"id": 2, "name": "car"}])
    boxes = {"predictions": {"box_data": [BOX, PIXELS], "class_labels": {0: "road"}}}
    value = logged.value(kiseki.Image(ROUGH, classes=classes, boxes=boxes), step=7)
    found = value["boxes"]["predictions"]
    assert found["_type"] == "boxes2D"
    assert found["path"].startswith("media/metadata/boxes2D/m_predictions_7_")
    assert json.loads(logged.bytes_of(found)) == {
        "box_data": [{**BOX, "class_id": 2}, PIXELS],
        "class_labels": {"2": "car", "0": "road"},
    }


WRONG: list[tuple[dict[str, Any], type[Exception]]] = [
    ({"data_or_path": np.zeros((5, 2, 5))}, ValueError),
    ({"data_or_path": np.zeros(3)}, ValueError),
    ({"data_or_path": np.zeros((0, 3))}, ValueError),
    ({"data_or_path": np.array([["a"]])}, ValueError),
    ({"data_or_path": np.zeros((2, 2), complex)}, ValueError),
    ({"data_or_path": 3}, TypeError),
    ({"data_or_path": "not/there.png"}, ValueError),
    ({"data_or_path": __file__}, ValueError),
    ({"file_type": "tiff"}, ValueError),
    ({"caption": 3}, TypeError),
    ({"masks": [1]}, TypeError),
    ({"masks": {"m": {}}}, ValueError),
    ({"masks": {"m": {"mask_data": np.zeros((2, 2, 3))}}}, ValueError),
    ({"masks": {"m": {"mask_data": np.array([[256]])}}}, ValueError),
    ({"masks": {"m": {"mask_data": np.array([[-1]])}}}, ValueError),
    ({"masks": {"m": {"mask_data": np.array([[0.5]])}}}, TypeError),
    ({"masks": {"m": {"mask_data": [[0]], "class_labels": {"a": "b"}}}}, TypeError),
    ({"boxes": {"b": {"box_data": None}}}, ValueError),
    ({"boxes": {"b": {"box_data": [{}]}}}, TypeError),
    ({"boxes": {"b": {"box_data": [{"position": {"minX": 1}}]}}}, ValueError),
    ({"boxes": {"b": {"box_data": [{**BOX, "class_id": 1.5}]}}}, TypeError),
    ({"boxes": {"b": {"box_data": [{**BOX, "scores": {"a": "x"}}]}}}, TypeError),
    ({"boxes": {"b": {"box_data": [{**BOX, "scores": {"a": float("nan")}}]}}}, ValueError),
    ({"boxes": {"b": {"box_data": [{**BOX, "box_caption": 1}]}}}, TypeError),
    ({"classes": [{"id": 1}]}, ValueError),
]


@pytest.mark.parametrize(("arguments", "error"), WRONG)
def test_what_is_refused(arguments: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        kiseki.Image(**{"data_or_path": ROUGH, **arguments})
    assert isinstance(caught.value, UsageError)


def test_a_file_that_is_no_image(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_text("hello")
    with pytest.raises(ValueError, match="no image file"):
        kiseki.Image(path)
