"""Moving images (M-05)."""

from __future__ import annotations

import io
import os
import subprocess
from typing import Any, ClassVar

from kiseki.errors import Error, UsageTypeError, UsageValueError
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
from kiseki.sdk.media.pixels import array_of, grid, whole_numbers
from kiseki.sdk.values import Ready, type_name

FORMATS = ("gif", "mp4", "webm", "ogg")
FPS = 4
FPS_MAX = 1000
CODECS = {
    "mp4": ["-c:v", "libx264", "-movflags", "+faststart"],
    "webm": ["-c:v", "libvpx-vp9", "-b:v", "0", "-crf", "32"],
    "ogg": ["-c:v", "libtheora", "-q:v", "7"],
}


class Video(Media):
    """A video to log.

    Args:
        data_or_path: an array (time, channels, height, width), or (videos, time, channels, height, width),
            which is shown side by side; 1, 3 or 4 channels, numbers as for `Image`. Or the path of a file, or
            an `io.BytesIO` with one, which is kept as it is.
        caption: text shown with it.
        fps: frames per second of an array; default 4.
        format: gif (default; needs Pillow), mp4, webm or ogg (need ffmpeg).

    Raises:
        UsageValueError: a format or a shape that is not allowed; a file that is not there.
        UsageTypeError: none of the inputs above.
        Error: a library is needed that is not installed.
    """

    kind: ClassVar[str] = "video-file"

    def __init__(
        self,
        data_or_path: Any,
        caption: str | None = None,
        fps: float | None = None,
        format: str | None = None,
    ) -> None:
        self.caption = checked_caption(caption)
        self.width: int | None = None
        self.height: int | None = None
        self.fps: float | None = None
        self.note = ""
        self._frames: Any = None
        self._content: Content | None = None
        if format is not None and format not in FORMATS:
            raise UsageValueError(
                f"Video: format must be one of {', '.join(FORMATS)}, got {format!r}"
            )
        if fps is not None and not 0 < fps <= FPS_MAX:
            raise UsageValueError(f"Video: fps must lie between 0 and {FPS_MAX}, got {fps!r}")
        self.format = format or "gif"
        if is_path(data_or_path):
            found = checked_file(data_or_path, "Video")
            self.format = extension_of(found)
            if self.format not in FORMATS:
                raise UsageValueError(f"Video: {data_or_path!r} is none of {', '.join(FORMATS)}")
            self._content = Content(self.format, source=found)
        elif isinstance(data_or_path, io.BytesIO):
            if format is None:
                raise UsageValueError("Video: bytes need a format")
            self._content = Content(format, data_or_path.getvalue())
        elif hasattr(data_or_path, "__array__") or hasattr(data_or_path, "detach"):
            self._take_array(data_or_path)
            self.fps = FPS if fps is None else fps
        else:
            raise UsageTypeError(f"Video: {type_name(data_or_path)} is neither an array nor a path")

    def to_value(self, shelf: Shelf, key: str) -> Ready:
        """Return the plain dict of the video; see `Media.to_value`."""
        if self.note:
            shelf.tell(f"the video {key!r}: {self.note}")
        frames = self._frames  # read first: another thread may log it, too, and let go of them
        if self._content is None:
            encode = self._gif if self.format == "gif" else self._by_ffmpeg
            self._content = Content(self.format, encode(frames))
            self._frames = None
        fields = {
            "width": self.width,
            "height": self.height,
            "format": self.format,
            "fps": self.fps,
            "caption": self.caption,
        }
        return file_value(self.kind, self._content, "videos", shelf, key, fields)

    def _take_array(self, data: Any) -> None:
        import numpy

        array, _ = array_of(data, "Video")
        if array.ndim == 4:
            array = array[None]
        if array.ndim != 5 or array.shape[2] not in (1, 3, 4) or 0 in array.shape:
            raise UsageValueError(
                "Video: the shape must be (time, channels, height, width) with 1, 3 or 4 channels, "
                f"got {tuple(array.shape)}"
            )
        if self.format == "gif":
            library("PIL.Image", "Video as gif")
        else:
            _ffmpeg(self.format)
        numbers, self.note = whole_numbers(array)
        if numbers.dtype.itemsize == 2:
            numbers = (numbers >> 8).astype(numpy.uint8)
        numbers = numbers.transpose(1, 0, 3, 4, 2)  # (time, videos, height, width, channels)
        frames = numbers[:, 0] if numbers.shape[1] == 1 else numpy.stack(list(map(grid, numbers)))
        if frames.shape[3] == 1:
            frames = numpy.repeat(frames, 3, axis=3)
        self._frames = numpy.ascontiguousarray(frames[..., :3])
        self.height, self.width = self._frames.shape[1:3]

    def _gif(self, frames: Any) -> bytes:
        pil = library("PIL.Image", "Video as gif")
        images = [pil.fromarray(frame) for frame in frames]
        buffer = io.BytesIO()
        duration = max(10, round(1000 / (self.fps or FPS)))  # ms; the format knows hundredths
        images[0].save(
            buffer,
            format="GIF",
            save_all=True,
            append_images=images[1:],
            duration=duration,
            loop=0,
        )
        return buffer.getvalue()

    def _by_ffmpeg(self, frames: Any) -> bytes:
        import tempfile

        size = f"{frames.shape[2]}x{frames.shape[1]}"
        with tempfile.TemporaryDirectory(prefix="kiseki-") as folder:
            path = os.path.join(folder, f"video.{self.format}")
            command = [_ffmpeg(self.format), "-loglevel", "error", "-y"]
            command += ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-r", f"{self.fps}"]
            # Most players read 4:2:0 only, whose sides are even.
            command += ["-i", "-", "-an", "-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2"]
            command += ["-pix_fmt", "yuv420p", *CODECS[self.format], path]
            done = subprocess.run(command, input=frames.tobytes(), capture_output=True)
            if done.returncode:
                words = done.stderr.decode(errors="replace").strip().splitlines()
                raise Error(f"Video: ffmpeg cannot write {self.format}: {' '.join(words[:2])}")
            with open(path, "rb") as file:
                return file.read()


def _ffmpeg(format: str) -> str:
    """Return the path of an ffmpeg: that of the system, else that of `imageio-ffmpeg`."""
    import shutil

    found = shutil.which("ffmpeg")
    if found is None:
        found = str(library("imageio_ffmpeg", f"Video as {format}").get_ffmpeg_exe())
    return found
