"""Moving images: M-05."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
import pytest
from PIL import Image as Pil
from PIL import ImageSequence

import kiseki
from kiseki.sdk.media import video
from tests.unit.sdk_media.conftest import Logged

FRAMES = np.stack([np.full((3, 20, 30), 80 * n, np.uint8) for n in range(4)])


def test_a_gif(logged: Logged) -> None:  # M-05
    value = logged.value(kiseki.Video(FRAMES, fps=10, caption="c"), step=2)
    assert {key: value[key] for key in value if key not in ("path", "sha256", "size")} == {
        "_type": "video-file",
        "width": 30,
        "height": 20,
        "format": "gif",
        "fps": 10,
        "caption": "c",
    }
    assert value["path"] == f"media/videos/m_2_{value['sha256'][:20]}.gif"
    with Pil.open(io.BytesIO(logged.bytes_of(value))) as image:
        found = [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(image)]
        assert image.info["duration"] == 100 and image.info.get("loop") == 0
    assert len(found) == 4
    for frame, wanted in zip(found, FRAMES, strict=True):
        assert np.abs(frame.astype(int) - wanted[0, 0, 0]).max() <= 1


@pytest.mark.parametrize("format", ["mp4", "webm", "ogg"])
def test_formats_of_ffmpeg(logged: Logged, format: str) -> None:  # M-05
    value = logged.value(kiseki.Video(FRAMES[:, :, :19], fps=5, format=format))
    assert value["path"].endswith("." + format) and value["height"] == 19
    path = logged.files / value["path"]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-i", str(path)]
    command += ["-f", "rawvideo", "-pix_fmt", "gray", "-"]
    done = subprocess.run(command, capture_output=True, check=True)
    frames = np.frombuffer(done.stdout, np.uint8).reshape(-1, 20, 30)
    assert len(frames) == 4
    assert np.abs(frames[:, 3:10, 3:10].mean((1, 2)) - [0, 80, 160, 240]).max() < 8


def test_several_videos_stand_side_by_side(logged: Logged) -> None:
    value = logged.value(kiseki.Video(np.stack([FRAMES, FRAMES])))
    assert (value["width"], value["height"], value["fps"]) == (62, 20, 4)


def test_floats_and_grey(logged: Logged) -> None:
    value = logged.value(kiseki.Video(np.linspace(0, 1, 8).reshape(2, 1, 2, 2)))
    with Pil.open(io.BytesIO(logged.bytes_of(value))) as image:
        assert np.asarray(image.convert("L")).tolist() == [[0, 36], [73, 109]]


def test_files_and_bytes(logged: Logged, tmp_path: Path) -> None:
    for extension in ("gif", "MP4", "webm", "ogg"):
        path = tmp_path / f"a.{extension}"
        path.write_bytes(b"moving")
        value = logged.value(kiseki.Video(str(path)))
        assert logged.bytes_of(value) == b"moving" and value["format"] == extension.lower()
    value = logged.value(kiseki.Video(io.BytesIO(b"bytes"), format="mp4"))
    assert logged.bytes_of(value) == b"bytes" and value["path"].endswith(".mp4")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"data_or_path": FRAMES, "format": "avi"}, ValueError),
        ({"data_or_path": FRAMES, "fps": 0}, ValueError),
        ({"data_or_path": FRAMES[0]}, ValueError),
        ({"data_or_path": np.zeros((2, 2, 3, 3))}, ValueError),
        ({"data_or_path": __file__}, ValueError),
        ({"data_or_path": "not/there.mp4"}, ValueError),
        ({"data_or_path": io.BytesIO(b"")}, ValueError),
        ({"data_or_path": [1, 2]}, TypeError),
    ],
)
def test_what_is_refused(arguments: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        kiseki.Video(**arguments)
    assert isinstance(caught.value, kiseki.UsageError)


def test_ffmpeg_that_fails(logged: Logged, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(video.CODECS, "mp4", ["-c:v", "nonesuch"])
    with pytest.raises(kiseki.Error, match=r"ffmpeg cannot write mp4: .*nonesuch"):
        logged.value(kiseki.Video(FRAMES, format="mp4"))
    assert not logged.values() and not list(logged.tmp.iterdir())
