"""What a TensorBoard event says, as values for `run.log`.

An `Event` is a protocol buffer message; that of tensorboard, of tensorboardX or of TensorFlow, which agree
in their fields. So it is read by the names of its fields, and none of these libraries is imported. Two
generations write differently: the first one has a field per kind of value, the second one tensors and the
name of a plugin that knows what they mean.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import kiseki

HISTOGRAM_BINS_MAX = 512
UNBOUNDED = 1e300  # TensorFlow's outermost buckets end at ±1.8e308
TEXT_SUFFIX = "/text_summary"  # what torch and tensorboardX append to the tag of a text
GIF, JPEG = b"GIF8", b"\xff\xd8"
STRINGS = 7
# DataType number → (NumPy's name, the field for values that are not packed into `tensor_content`).
DTYPES = {
    1: ("float32", "float_val"), 2: ("float64", "double_val"), 3: ("int32", "int_val"),
    4: ("uint8", "int_val"), 5: ("int16", "int_val"), 6: ("int8", "int_val"),
    9: ("int64", "int64_val"), 10: ("bool", "bool_val"), 17: ("uint16", "int_val"),
    22: ("uint32", "uint32_val"), 23: ("uint64", "uint64_val"),
}  # fmt: skip
HALF, BFLOAT16 = 19, 14


class Reading(NamedTuple):
    """What one value of an event says: something to log under `key`, or pairs for the config."""

    key: str
    value: Any
    is_config: bool = False


class Reader:
    """Reads the summaries of one log folder."""

    def __init__(self) -> None:
        self._plugins: dict[str, str] = {}

    def readings(self, summary: Any, files: list[str]) -> Iterator[Reading]:
        """Yield what the values of a `Summary` say.

        Media lie in files of their own, which are added to `files`, to be removed when they are logged.
        Left out is what Kiseki has no form for (graphs, meshes, precision-recall curves): the event file that
        is stored with the run holds it.
        """
        for value in summary.value:
            kind = value.WhichOneof("value")
            if kind == "simple_value":
                yield Reading(value.tag, value.simple_value)
            elif kind == "histo":
                yield Reading(value.tag, histogram_of_buckets(value.histo))
            elif kind == "image":
                yield Reading(value.tag, _picture(value.image.encoded_image_string, files))
            elif kind == "audio":
                yield Reading(value.tag, _sound(value.audio.encoded_audio_string, files))
            elif kind == "tensor" or kind is None:
                found = _of_plugin(value, self._plugin_of(value), files)
                if found is not None:
                    yield found

    def _plugin_of(self, value: Any) -> str:
        """Return the plugin that knows a tag: writers may say it with the tag's first value only."""
        name = value.metadata.plugin_data.plugin_name
        if name:
            self._plugins[value.tag] = str(name)
        return self._plugins.get(value.tag, "")


def _of_plugin(value: Any, plugin: str, files: list[str]) -> Reading | None:
    """Return what a value of the second generation says."""
    tag, tensor = value.tag, value.tensor
    if plugin == "hparams":
        pairs = hyperparameters(value.metadata.plugin_data.content)
        return Reading(tag, pairs, is_config=True) if pairs else None
    if plugin == "text":
        lines = [text.decode("utf-8", "replace") for text in tensor.string_val]
        return Reading(tag.removesuffix(TEXT_SUFFIX), "\n".join(lines))
    if plugin == "images" and len(tensor.string_val) > 2:  # width, height, picture, picture, …
        return Reading(tag, _one_or_all(_picture(data, files) for data in tensor.string_val[2:]))
    if plugin == "audio" and len(tensor.string_val):  # sound, label, sound, label, …
        return Reading(tag, _one_or_all(_sound(data, files) for data in tensor.string_val[::2]))
    if plugin in ("scalars", "", "histograms"):
        array = array_of(tensor)
        if array is not None and plugin == "histograms":
            return Reading(tag, histogram_of_rows(array))
        if array is not None and array.size == 1:
            return Reading(tag, array.reshape(-1)[0].item())
    return None


def _picture(data: bytes, files: list[str]) -> Any:
    """Return an encoded picture; a GIF is what `add_video` writes."""
    if data.startswith(GIF):
        return kiseki.Video(_file(data, ".gif", files))
    return kiseki.Image(_file(data, ".jpg" if data.startswith(JPEG) else ".png", files))


def _sound(data: bytes, files: list[str]) -> Any:
    return kiseki.Audio(_file(data, ".wav", files))


def _file(data: bytes, extension: str, files: list[str]) -> str:
    handle, path = tempfile.mkstemp(extension)
    files.append(path)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    return path


def _one_or_all(values: Iterable[Any]) -> Any:
    found = list(values)
    return found if len(found) > 1 else found[0]


# -- numbers ---------------------------------------------------------------------------------------------


def array_of(tensor: Any) -> Any:
    """Return a `TensorProto` of numbers as a NumPy array, None if it holds something else."""
    import numpy

    shape = [dimension.size for dimension in tensor.tensor_shape.dim]
    if tensor.dtype in (HALF, BFLOAT16):
        packed = numpy.frombuffer(tensor.tensor_content, "uint16")
        bits = packed if packed.size else numpy.array(tensor.half_val, "uint16")
        # bfloat16 is the upper half of a float32.
        wide = bits.view("float16") if tensor.dtype == HALF else bits.astype("uint32") << 16
        flat = wide if tensor.dtype == HALF else wide.view("float32")
    elif tensor.dtype in DTYPES:
        name, field = DTYPES[tensor.dtype]
        if tensor.tensor_content:
            flat = numpy.frombuffer(tensor.tensor_content, name)
        else:
            flat = numpy.array(getattr(tensor, field), name)
    else:
        return None
    size = int(numpy.prod(shape))
    # One value stands for all: TensorFlow leaves out repetitions at the end.
    flat = (
        numpy.concatenate([flat, numpy.repeat(flat[-1:], size - flat.size)]) if flat.size else flat
    )
    return flat.reshape(shape) if flat.size == size else None


def histogram_of_buckets(histogram: Any) -> dict[str, Any]:
    """Return a `HistogramProto`: each bucket has a count and its upper limit."""
    counts, edges = list(histogram.bucket), list(histogram.bucket_limit)
    if not counts:
        return histogram_value([], [])
    if counts[0] == 0 and len(counts) > 1:  # an empty first bucket says where the second one begins
        counts = counts[1:]
    else:
        edges = [min(histogram.min, edges[0]), *edges]
    edges[0] = edges[0] if edges[0] > -UNBOUNDED else min(histogram.min, edges[1])
    edges[-1] = edges[-1] if edges[-1] < UNBOUNDED else max(histogram.max, edges[-2])
    return histogram_value(counts, edges)


def histogram_of_rows(rows: Any) -> dict[str, Any]:
    """Return a histogram of the second generation: rows of (left edge, right edge, count)."""
    if rows.ndim != 2 or rows.shape[1:] != (3,) or not len(rows):
        return histogram_value([], [])
    edges = [*rows[:, 0].tolist(), float(rows[-1, 1])]
    return histogram_value(rows[:, 2].tolist(), edges)


def histogram_value(counts: list[float], edges: list[float]) -> dict[str, Any]:
    """Return a histogram as `log` takes it; neighbouring bins are put together if they are too many."""
    together = -(-len(counts) // HISTOGRAM_BINS_MAX) or 1
    if together > 1:
        starts = range(0, len(counts), together)
        edges = [*(edges[start] for start in starts), edges[-1]]
        counts = [sum(counts[start : start + together]) for start in starts]
    values = [int(count) if count == int(count) else count for count in counts]
    return {"_type": "histogram", "values": values, "bins": edges}


# -- hyper-parameters ------------------------------------------------------------------------------------


def hyperparameters(content: bytes) -> dict[str, Any]:
    """Return the values of a session's hyper-parameters; {} for the other messages of that plugin."""
    message = _hparams_message()
    if message is None:
        return {}
    message.ParseFromString(content)
    found = {}
    for name, value in message.session_start_info.hparams.items():
        kind = value.WhichOneof("kind")
        # The config takes no periods in its keys (I-31).
        is_null = kind is None or kind == "null_value"
        found[name.replace(".", "_")] = None if is_null else getattr(value, kind)
    return found


def _hparams_message() -> Any:
    """Return an empty message of the plugin, from whichever library is there."""
    try:
        from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
    except ImportError:
        try:
            from tensorboardX.proto.plugin_hparams_pb2 import HParamsPluginData
        except ImportError:
            return None
    return HParamsPluginData()
