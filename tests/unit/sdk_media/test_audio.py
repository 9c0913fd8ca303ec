"""Sound: M-04."""

from __future__ import annotations

import io
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kiseki
from tests.unit.sdk_media.conftest import Logged


def samples(logged: Logged, value: dict[str, Any]) -> tuple[np.ndarray, int]:
    with wave.open(io.BytesIO(logged.bytes_of(value))) as file:
        assert file.getsampwidth() == 2
        data = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        return data.reshape(-1, file.getnchannels()), file.getframerate()


def test_an_array(logged: Logged) -> None:  # M-04
    wave_form = np.sin(np.linspace(0, 100, 8000))
    value = logged.value(kiseki.Audio(wave_form, sample_rate=16000, caption="a"), "s/a", step=4)
    assert value["_type"] == "audio-file" and value["caption"] == "a"
    assert (value["duration"], value["sample_rate"]) == (0.5, 16000)
    assert value["path"] == f"media/audio/s/a_4_{value['sha256'][:20]}.wav"
    data, rate = samples(logged, value)
    assert rate == 16000 and np.abs(data[:, 0] / 32767 - wave_form).max() <= 0.5 / 32767 + 1e-9


@pytest.mark.parametrize("shape", [(100, 2), (2, 100)])
def test_channels(logged: Logged, shape: tuple[int, int]) -> None:
    data, _ = samples(logged, logged.value(kiseki.Audio(np.zeros(shape), 8000)))
    assert data.shape == (100, 2)


def test_integers(logged: Logged) -> None:
    for array, wanted in (
        (np.array([-32768, 5], np.int16), [-32768, 5]),
        (np.array([0, 128, 255], np.uint8), [-32768, 0, 127 << 8]),
        (np.array([-(2**31), 2**16 * 7], np.int32), [-32768, 7]),
    ):
        data, _ = samples(logged, logged.value(kiseki.Audio(array, 8000)))
        assert data[:, 0].tolist() == wanted


def test_what_lies_outside_is_cut_and_told(logged: Logged) -> None:
    array = np.array([2.0, -np.inf, np.nan, 0.5])
    data, _ = samples(logged, logged.value(kiseki.Audio(array, 8000)))
    assert data[:, 0].tolist() == [32767, -32767, 0, 16384]
    assert "3 samples" in logged.replaced[0][1]


def test_files_are_kept_as_they_are(logged: Logged, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(4000)
        file.writeframes(bytes(1000))
    value = logged.value(kiseki.Audio(path))
    assert logged.bytes_of(value) == path.read_bytes()
    assert (value["sample_rate"], value["duration"]) == (4000, 0.25)
    other = tmp_path / "a.mp3"
    other.write_bytes(b"ID3")
    value = logged.value(kiseki.Audio(str(other), caption="c"))
    assert value["path"].endswith(".mp3") and "duration" not in value


@pytest.mark.parametrize(
    ("data", "rate", "error"),
    [
        (np.zeros(3), None, ValueError),
        (np.zeros(3), 0, ValueError),
        (np.zeros((2, 2, 2)), 1, ValueError),
        (np.zeros((50, 50)), 1, ValueError),
        (np.zeros(3, np.int64), 1, ValueError),
        ("not/there.wav", None, ValueError),
        (3, 1, TypeError),
    ],
)
def test_what_is_refused(data: Any, rate: Any, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        kiseki.Audio(data, sample_rate=rate)
    assert isinstance(caught.value, kiseki.UsageError)
