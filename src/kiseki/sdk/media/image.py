"""Images (M-01, M-02, M-03)."""

from __future__ import annotations

import io
import sys
import types
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from kiseki.errors import UsageTypeError, UsageValueError
from kiseki.sdk.media.adopting import is_matplotlib
from kiseki.sdk.media.base import (
    Content,
    Media,
    Shelf,
    checked_caption,
    checked_file,
    extension_of,
    file_value,
    is_path,
    library,
)
from kiseki.sdk.media.overlays import Boxes, Classes, Mask
from kiseki.sdk.media.pixels import image_pixels
from kiseki.sdk.media.png import encode_png
from kiseki.sdk.values import Ready, type_name

FILE_TYPES = {"png": "PNG", "jpg": "JPEG", "jpeg": "JPEG", "webp": "WEBP", "bmp": "BMP"}
PATH_TYPES = (*FILE_TYPES, "gif", "tif", "tiff")
FOLDER = "images"


class Image(Media):
    """An image to log.

    Args:
        data_or_path: an array (height, width) or (height, width, 1 to 4 channels); a torch tensor (channels,
            height, width); a PIL image; a matplotlib figure or axes; or the path of an image file, which
            keeps its format. `sdk/media/pixels.py` says how numbers become colours.
        mode: convert to this mode of PIL (`L`, `RGB`, `RGBA`, …); needs Pillow.
        caption: text shown with it.
        grouping: number of images that belong together in a list.
        classes: names of classes for masks and boxes: `Classes`, or a list of {"id", "name"}.
        boxes: {name: {"box_data": [...], "class_labels": {...}}}; see `overlays.Boxes`.
        masks: {name: {"mask_data": array, "class_labels": {...}}}; see `overlays.Mask`.
        file_type: png (default), jpg, webp or bmp; all but png need Pillow.
        normalize: False: floats are 0 … 255 whatever their range.

    Raises:
        UsageValueError, UsageTypeError: an argument is no image, or not allowed.
        Error: a library is needed that is not installed.
    """

    kind: ClassVar[str] = "image-file"

    def __init__(
        self,
        data_or_path: Any,
        mode: str | None = None,
        caption: str | None = None,
        grouping: int | None = None,
        classes: Classes | Sequence[Mapping[str, Any]] | None = None,
        boxes: Mapping[str, Any] | None = None,
        masks: Mapping[str, Any] | None = None,
        file_type: str | None = None,
        normalize: bool = True,
    ) -> None:
        self.caption = checked_caption(caption)
        self.grouping = grouping
        self.note = ""
        if classes is not None and not isinstance(classes, Classes):
            classes = Classes(classes)
        labels = classes.labels if classes is not None else {}
        self.masks = {name: Mask(name, mask, labels) for name, mask in _named(masks, "masks")}
        self.boxes = {name: Boxes(name, box, labels) for name, box in _named(boxes, "boxes")}
        self._content: Content | None = None
        self._pixels: Any = None  # an array, or a PIL image
        if file_type is not None and file_type not in FILE_TYPES:
            raise UsageValueError(
                f"Image: file_type must be one of {', '.join(FILE_TYPES)}, got {file_type!r}"
            )
        if file_type not in (None, "png"):
            library("PIL.Image", f"Image as {file_type}")
        self.format = file_type or "png"
        if is_path(data_or_path):
            self._open_file(data_or_path, mode, file_type)
        elif is_matplotlib(data_or_path):
            self._draw_figure(data_or_path, mode, file_type)
        elif isinstance(data_or_path, _pil_image()):
            self._pixels = data_or_path.convert(mode) if mode else data_or_path.copy()
            self.width, self.height = self._pixels.size
        else:
            self._take_array(data_or_path, mode, normalize)

    def to_value(self, shelf: Shelf, key: str) -> Ready:
        """Return the plain dict of the image; see `Media.to_value`."""
        if self.note:
            shelf.tell(f"the image {key!r}: {self.note}")
        overlays = self._overlays(shelf, key)
        fields = {
            "width": self.width,
            "height": self.height,
            "format": self.format,
            "caption": self.caption,
            "grouping": self.grouping,
            "masks": overlays[0] or None,
            "boxes": overlays[1] or None,
        }
        return file_value(self.kind, self._encoded(), FOLDER, shelf, key, fields)

    @classmethod
    def list_to_value(cls, items: list[Any], shelf: Shelf, key: str) -> Ready | None:
        """Return the `images/separated` of several images."""
        first: Image = items[0]
        names: list[str] = []
        value = Ready(
            _type="images/separated",
            width=first.width,
            height=first.height,
            format=first.format,
            count=len(items),
            filenames=names,
        )
        if first.grouping is not None:
            value["grouping"] = first.grouping
        if any(image.caption is not None for image in items):
            value["captions"] = [image.caption or "" for image in items]
        overlays = []
        for image in items:
            if image.note:
                shelf.tell(f"an image of {key!r}: {image.note}")
            shelf.keep(image._encoded(), FOLDER, key).append_to(names)
            overlays.append(image._overlays(shelf, key))
        for name, index in (("all_masks", 0), ("all_boxes", 1)):
            if any(overlay[index] for overlay in overlays):
                value[name] = [overlay[index] for overlay in overlays]
        return value

    def _overlays(self, shelf: Shelf, key: str) -> tuple[dict[str, Ready], dict[str, Ready]]:
        masks = {name: mask.to_value(shelf, key) for name, mask in self.masks.items()}
        return masks, {name: boxes.to_value(shelf, key) for name, boxes in self.boxes.items()}

    # -- inputs ----------------------------------------------------------------------------------------

    def _open_file(self, path: Any, mode: str | None, file_type: str | None) -> None:
        found = checked_file(path, "Image")
        extension = extension_of(found)
        if extension not in PATH_TYPES:
            raise UsageValueError(
                f"Image: {path!r} is none of the formats {', '.join(PATH_TYPES)}; for SVG use Html"
            )
        pil = library("PIL.Image", "Image of a file")
        try:
            with pil.open(found) as image:
                self.width, self.height = image.size
                if mode is not None or (file_type is not None and file_type != extension):
                    self._pixels = image.convert(mode) if mode else image.copy()
                else:
                    self.format = extension
                    self._content = Content(extension, source=found)
        except OSError as error:  # of Pillow: unidentified, truncated
            raise UsageValueError(f"Image: {path!r} is no image file: {error}") from error

    def _draw_figure(self, figure: Any, mode: str | None, file_type: str | None) -> None:
        if isinstance(figure, types.ModuleType):  # matplotlib.pyplot
            figure = figure.gcf()
        figure = getattr(figure, "figure", None) or figure
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png")
        data = buffer.getvalue()
        self.width, self.height = (int.from_bytes(data[at : at + 4], "big") for at in (16, 20))
        if mode is None and file_type in (None, "png"):
            self._content = Content("png", data)
        else:
            with library("PIL.Image", f"Image as {file_type or mode}").open(buffer) as image:
                self._pixels = image.convert(mode) if mode else image.copy()

    def _take_array(self, array: Any, mode: str | None, normalize: bool) -> None:
        if isinstance(array, (list, tuple)):
            import numpy

            array = numpy.asarray(array)
        if not (hasattr(array, "__array__") or hasattr(array, "detach")):
            raise UsageTypeError(f"Image: {type_name(array)} is neither an array nor a path")
        pixels, self.note = image_pixels(array, normalize)
        self.height, self.width = pixels.shape[:2]
        self._pixels = pixels if mode is None else _to_pil(pixels).convert(mode)

    # -- bytes -----------------------------------------------------------------------------------------

    def _encoded(self) -> Content:
        """Return the file; made when it is first logged, so a disabled run does not pay for it."""
        pixels = self._pixels  # read first: another thread may log it, too, and let go of them
        if self._content is None:
            self._content = Content(self.format, self._encode(pixels))
            self._pixels = None
        return self._content

    def _encode(self, pixels: Any) -> bytes:
        kind = FILE_TYPES[self.format]
        if kind == "PNG" and not isinstance(pixels, _pil_image()):
            return encode_png(pixels)
        image = pixels if isinstance(pixels, _pil_image()) else _to_pil(pixels)
        buffer = io.BytesIO()
        image = _writable(image, kind)
        image.save(buffer, format=kind)
        return buffer.getvalue()


def _named(overlays: Any, what: str) -> list[tuple[str, Any]]:
    if overlays is None:
        return []
    if not isinstance(overlays, Mapping):
        raise UsageTypeError(f"{what} must be a dict by name, got {type_name(overlays)}")
    return [(str(name), given) for name, given in overlays.items()]


def _pil_image() -> Any:
    """Return PIL's class of images; as long as nobody loaded it, nothing is one."""
    return getattr(sys.modules.get("PIL.Image"), "Image", ())


def _to_pil(pixels: Any) -> Any:
    pil = library("PIL.Image", "Image with a mode, or as anything but png")
    if pixels.dtype.itemsize == 2:
        pixels = (pixels >> 8).astype("uint8")
    return pil.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)


def _writable(image: Any, kind: str) -> Any:
    """Return a PIL image in a mode that the format can hold."""
    if kind == "PNG":
        plain = ("1", "L", "LA", "P", "RGB", "RGBA", "I", "I;16")
        return image if image.mode in plain else image.convert("RGB")
    has_alpha = kind == "WEBP" and "A" in image.mode
    if kind == "BMP" and image.mode in ("1", "L", "P", "RGB"):
        return image
    if kind == "JPEG" and image.mode == "L":
        return image
    return image.convert("RGBA" if has_alpha else "RGB")
