"""TensorBoard's messages, made by its own code and that of tensorboardX, as values to log."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy
import pytest
from tensorboard.compat.proto import types_pb2
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import HistogramProto, Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.summary.writer.record_writer import RecordWriter
from tensorboard.util.tensor_util import make_tensor_proto
from tensorboardX import summary as tensorboardx

from kiseki.integrations.tensorboard_events import (
    Reader,
    array_of,
    histogram_of_buckets,
    histogram_value,
    hyperparameters,
)
from kiseki.integrations.tensorboard_files import EventFile


def of_plugin(name: str, tag: str, tensor: Any, content: bytes = b"") -> Summary:
    """A summary as TensorFlow 2 writes it."""
    metadata = SummaryMetadata()
    metadata.plugin_data.plugin_name = name
    metadata.plugin_data.content = content
    return Summary(value=[Summary.Value(tag=tag, tensor=tensor, metadata=metadata)])


def read(summary: Any) -> dict[str, Any]:
    return {found.key: found.value for found in Reader().readings(summary, [])}


# -- scalars -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [0.5, -1e-30, 0.0, math.inf, -math.inf])
def test_scalar(value: float) -> None:
    single = float(numpy.float32(value))
    assert read(tensorboardx.scalar("loss", value)) == {"loss": single}
    tensor = make_tensor_proto(numpy.float64(value))
    assert read(of_plugin("scalars", "loss", tensor)) == {"loss": value}


def test_nan_stays_nan() -> None:  # L-10
    assert math.isnan(read(tensorboardx.scalar("loss", math.nan))["loss"])
    assert math.isnan(read(of_plugin("scalars", "l", make_tensor_proto(numpy.float32("nan"))))["l"])


def test_the_plugin_is_said_once() -> None:
    reader = Reader()
    first = of_plugin("text", "note/text_summary", TensorProto(string_val=[b"one"], dtype=7))
    later = Summary(value=[Summary.Value(tag="note/text_summary")])
    later.value[0].tensor.CopyFrom(TensorProto(string_val=[b"two"], dtype=7))
    assert [r.value for r in reader.readings(first, [])] == ["one"]
    assert [(r.key, r.value) for r in reader.readings(later, [])] == [("note", "two")]


@pytest.mark.parametrize("plugin", ["pr_curves", "mesh", "graph_keras_model", "custom_scalars"])
def test_what_has_no_form_is_left_out(plugin: str) -> None:
    assert read(of_plugin(plugin, "x", make_tensor_proto(numpy.ones((2, 2))))) == {}


@pytest.mark.parametrize(
    "name",
    ["float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "bool"],
)
@pytest.mark.parametrize("shape", [(), (1,), (2, 3), (0,)])
def test_tensors_of_every_type(name: str, shape: tuple[int, ...]) -> None:
    numbers = (numpy.arange(math.prod(shape)) % 2).astype(name).reshape(shape)
    found = array_of(make_tensor_proto(numbers))
    assert found.dtype == numbers.dtype and found.shape == shape
    assert (found == numbers).all()


def test_tensors_that_are_packed_or_shortened() -> None:
    shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=3)])
    packed = numpy.array([1.5, -2.0, 0.1], "float32")
    made = TensorProto(
        dtype=types_pb2.DT_FLOAT, tensor_shape=shape, tensor_content=packed.tobytes()
    )
    assert array_of(made).tolist() == packed.tolist()
    same = TensorProto(dtype=types_pb2.DT_INT64, tensor_shape=shape, int64_val=[7])
    assert array_of(same).tolist() == [7, 7, 7]
    upper_half = (packed.view("uint32") >> 16).astype("uint16")
    brain = TensorProto(
        dtype=types_pb2.DT_BFLOAT16, tensor_shape=shape, tensor_content=upper_half.tobytes()
    )
    assert array_of(brain).tolist()[:2] == [1.5, -2.0]
    assert array_of(TensorProto(dtype=types_pb2.DT_STRING, string_val=[b"x"])) is None


# -- histograms --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bins", ["auto", 7, [-1e20, -1.0, 0.0, 1.0, 1e20]])
def test_histogram_of_the_first_generation(bins: Any) -> None:
    numbers = numpy.random.default_rng(3).normal(size=2000)
    made = tensorboardx.histogram("weights", numbers, bins)
    found = read(made)["weights"]
    assert found["_type"] == "histogram"
    assert sum(found["values"]) == 2000 and len(found["bins"]) == len(found["values"]) + 1
    assert found["bins"] == sorted(found["bins"]) and all(map(math.isfinite, found["bins"]))
    at = numpy.array(found["bins"])
    if len(found["values"]) == 7:
        assert numpy.histogram(numbers, at)[0].tolist() == found["values"]


def test_histogram_of_tensorflow_1() -> None:
    proto = HistogramProto(min=-2, max=9, num=6, bucket_limit=[-1, 3, 1.7e308], bucket=[1, 2, 3])
    assert histogram_of_buckets(proto) == histogram_value([1, 2, 3], [-2, -1, 3, 9])
    assert histogram_of_buckets(HistogramProto()) == histogram_value([], [])


def test_histogram_of_the_second_generation() -> None:
    rows = make_tensor_proto(numpy.array([[-1, 0, 3], [0, 2, 5]], "float64"))
    assert read(of_plugin("histograms", "h", rows))["h"] == {
        "_type": "histogram", "values": [3, 5], "bins": [-1.0, 0.0, 2.0]
    }  # fmt: skip
    none = make_tensor_proto(numpy.zeros((0, 3)))
    assert read(of_plugin("histograms", "h", none))["h"] == histogram_value([], [])


def test_histograms_of_too_many_bins_keep_their_sum_and_ends() -> None:
    found = histogram_value([1.0] * 1300, [float(at) for at in range(1301)])
    assert len(found["values"]) <= 512 and sum(found["values"]) == 1300
    assert (found["bins"][0], found["bins"][-1]) == (0.0, 1300.0)
    assert len(found["bins"]) == len(found["values"]) + 1


# -- text, hyper-parameters --------------------------------------------------------------------------------


def test_text() -> None:
    assert read(tensorboardx.text("note", "ein Wort: é")) == {"note": "ein Wort: é"}


def test_hyperparameters_become_config() -> None:
    made = tensorboardx.hparams({"lr": 0.1, "opt.kind": "sgd", "nesterov": True}, {"acc": 0})
    found = [reading for summary in made for reading in Reader().readings(summary, [])]
    assert [reading.is_config for reading in found] == [True]
    assert found[0].value == {"lr": 0.1, "opt_kind": "sgd", "nesterov": True}
    assert hyperparameters(b"") == {}


# -- files -------------------------------------------------------------------------------------------------


def test_an_event_file_is_read_while_it_grows(tmp_path: Path) -> None:
    path = tmp_path / "events.out.tfevents.1.v2"
    file = EventFile(str(path))
    assert list(file.read()) == []
    with path.open("wb") as target:
        writer = RecordWriter(target)
        for step in range(3):
            writer.write(Event(step=step).SerializeToString())
        writer.flush()
        assert [event.step for event in file.read()] == [0, 1, 2]
        assert list(file.read()) == []
        writer.write(Event(step=3).SerializeToString())
        writer.flush()
        whole = path.read_bytes()
    at = whole.rindex(Event(step=3).SerializeToString()) - 12
    for cut in range(at, len(whole)):
        path.write_bytes(whole[:cut])
        assert list(file.read()) == []
    path.write_bytes(whole)
    assert [event.step for event in file.read()] == [3]


def test_a_damaged_event_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "events"
    path.write_bytes(b"\xff" * 64)
    with pytest.raises(ValueError, match="events is damaged at byte 0"):
        list(EventFile(str(path)).read())
