"""What is written through TensorBoard and tensorboardX arrives in the run by itself (I-71, I-72, G-07)."""

from __future__ import annotations

import io
import math
import tempfile
import wave
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy
import pytest
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.summary.writer.event_file_writer import EventFileWriter

import kiseki
from kiseki.integrations import tensorboard
from kiseki.integrations.tensorboard_files import EventFile
from tests.e2e.run_scripts import OFFLINE, only_folder, run_script

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in OFFLINE.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def run() -> Iterator[kiseki.Run]:
    run = kiseki.init(project="boards", sync_tensorboard=True)
    yield run
    run.finish()


def writer(folder: str | Path, **options: Any) -> Any:
    from tensorboardX import SummaryWriter

    return SummaryWriter(str(folder), **options)


def history(run: kiseki.Run) -> list[dict[str, Any]]:
    run.finish()
    return list(kiseki.open(run.sync_dir).history())


def values(rows: list[dict[str, Any]], key: str) -> dict[int, Any]:
    return {row["_step"]: row[key] for row in rows if key in row}


def test_scalars_lie_at_their_global_step(run: kiseki.Run) -> None:
    with writer("logs") as board:
        for step in range(0, 50, 5):
            board.add_scalar("train/loss", 1 / (step + 1), step)
            board.add_scalar("acc", step, step)
    rows = history(run)
    assert values(rows, "global_step") == {step: step for step in range(0, 50, 5)}
    assert values(rows, "acc") == {step: float(step) for step in range(0, 50, 5)}
    single = {step: float(numpy.float32(1 / (step + 1))) for step in range(0, 50, 5)}
    assert values(rows, "train/loss") == single


def test_every_number_is_kept_as_it_was_written(run: kiseki.Run) -> None:  # L-10
    board = writer("logs")
    for step, value in enumerate([math.nan, math.inf, -math.inf, 0.0, 1e-38]):
        board.add_scalar("odd", value, step)
    found = values(history(run), "odd")
    assert math.isnan(found[0]) and found[1] == math.inf and found[2] == -math.inf
    assert found[4] == float(numpy.float32(1e-38))


def test_ten_thousand_scalars_all_arrive(run: kiseki.Run) -> None:
    board = writer("logs")
    for step in range(10_000):
        board.add_scalar("x", step, step)
    assert run.summary["x"] == 9999  # at once, before any flush
    assert values(history(run), "x") == {step: float(step) for step in range(10_000)}


def test_rows_of_the_script_go_their_own_way(run: kiseki.Run) -> None:  # L-01, L-02, L-04
    board = writer("logs")
    run.log({"mine": 1})
    board.add_scalar("x", 1.0, 100)
    run.log({"mine": 2})  # after the largest step
    run.log({"part": 1}, commit=False)
    board.add_scalar("x", 2.0, 7)  # neither ends nor enters the open row
    run.log({"other": 2})
    board.add_scalar("x", 3.0, 300)
    assert run.step == 301
    rows = history(run)
    assert values(rows, "mine") == {0: 1, 101: 2}
    assert values(rows, "x") == {100: 1.0, 7: 2.0, 300: 3.0}
    assert values(rows, "part") == {102: 1} and values(rows, "other") == {102: 2}


def test_a_step_below_zero_gets_the_next_one(run: kiseki.Run) -> None:
    board = writer("logs")
    board.add_scalar("x", 1.0, -1)
    rows = history(run)
    assert values(rows, "x") == {0: 1.0} and values(rows, "global_step") == {0: -1}


def test_what_happened_earlier_keeps_its_time(run: kiseki.Run) -> None:  # L-13
    board = writer("logs")
    board.add_scalar("old", 1.0, 1, walltime=1_500_000_000.25)
    board.add_scalar("new", 1.0, 2)
    run.log({"mine": 1})
    old, new, mine = history(run)
    assert (old["_timestamp"], old["_runtime"]) == (1_500_000_000.25, 0.0)
    assert run.start_time <= new["_timestamp"] <= mine["_timestamp"]
    assert 0 < new["_runtime"] <= mine["_runtime"]


def test_several_folders_put_their_path_before_the_tag(run: kiseki.Run) -> None:
    for part in ("train", "validation"):
        writer(f"logs/{part}").add_scalar("loss", 1.0, 0)
    writer("logs/deep/er").add_scalar("loss", 1.0, 0)
    assert {"train/loss", "validation/loss", "deep/er/loss"} <= set(history(run)[0])


def test_histograms_and_texts(run: kiseki.Run) -> None:
    board = writer("logs")
    board.add_histogram("weights", numpy.arange(100.0), 3)
    board.add_text("note", "one", 3)
    (row,) = history(run)
    assert row["note"] == "one" and sum(row["weights"]["values"]) == 100


def test_pictures_videos_and_sounds(
    run: kiseki.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "t"))
    (tmp_path / "t").mkdir()
    board = writer("logs")
    board.add_image("picture", numpy.zeros((3, 4, 6), "uint8"), 3)
    board.add_video("film", numpy.zeros((1, 3, 3, 8, 8), "uint8"), 3)
    sound = io.BytesIO()
    with wave.open(sound, "wb") as wav:
        wav.setnchannels(1), wav.setsampwidth(2), wav.setframerate(8000)
        wav.writeframes(bytes(1600))
    audio = Summary.Audio(encoded_audio_string=sound.getvalue(), sample_rate=8000)
    pictures = Summary.Value(tag="pictures", metadata=SummaryMetadata())
    pictures.metadata.plugin_data.plugin_name = "images"
    png = png_of(numpy.zeros((2, 5, 3), "uint8"))
    pictures.tensor.CopyFrom(TensorProto(dtype=7, string_val=[b"5", b"2", png, png]))
    values = [Summary.Value(tag="sound", audio=audio), pictures]
    EventFileWriter("logs").add_event(Event(step=3, summary=Summary(value=values)))
    (row,) = history(run)
    assert {key: row[key]["_type"] for key in ("picture", "film", "sound", "pictures")} == {
        "picture": "image-file",
        "film": "video-file",
        "sound": "audio-file",
        "pictures": "images/separated",
    }
    assert (row["picture"]["width"], row["picture"]["height"]) == (6, 4)
    for key in ("picture", "film", "sound"):
        assert (Path(run.dir) / row[key]["path"]).stat().st_size == row[key]["size"]
    assert list((tmp_path / "t").iterdir()) == []


def png_of(pixels: Any) -> bytes:
    from PIL import Image

    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "png")
    return target.getvalue()


def test_hyperparameters_go_to_the_config(run: kiseki.Run) -> None:
    board = writer("logs")
    board.add_hparams({"lr": 0.5, "opt.name": "sgd"}, {"hparam/acc": 0.75}, name="trial")
    assert dict(run.config) == {"lr": 0.5, "opt_name": "sgd"}
    assert values(history(run), "hparam/acc") == {0: 0.75}


@pytest.mark.parametrize("symlink", [True, False])
def test_event_files_are_kept_with_the_run(symlink: bool) -> None:
    run = kiseki.init(sync_tensorboard=True, settings={"symlink": symlink})
    with writer("logs/train") as first, writer("logs/validation") as second:
        first.add_scalar("loss", 1.0, 0)
        second.add_scalar("loss", 2.0, 0)
    board = EventFileWriter("logs/open")
    board.add_event(Event(summary=Summary(value=[Summary.Value(tag="x", simple_value=3)])))
    run.finish()
    written = sorted(path.relative_to("logs") for path in Path("logs").rglob("*tfevents*"))
    found = dict(kiseki.open(run.sync_dir).files())
    assert len(written) == 3 and {str(path) for path in written} <= set(found)
    assert {found[str(path)] for path in written} == {"live"}
    kept = EventFile(str(Path(run.dir) / written[0]))  # the script did not close it
    assert [value.tag for event in kept.read() for value in event.summary.value] == ["x"]


def test_names_of_kiseki_are_no_keys(run: kiseki.Run) -> None:
    board = writer("logs")
    board.add_scalar("_step", 5.0, 1)
    board.add_scalar("x" * 20_000, 5.0, 1)  # no key of ours; the event file has it
    board.add_scalar("global_step", 5.0, 1)
    (row,) = history(run)
    assert row["tensorboard/_step"] == 5.0 and row["global_step"] == 5.0 and row["_step"] == 1


def test_tensorboards_own_writer(run: kiseki.Run) -> None:
    board = EventFileWriter("logs")
    for step in range(3):
        board.add_event(
            Event(step=step, summary=Summary(value=[Summary.Value(tag="x", simple_value=step)]))
        )
    board.add_event(Event(step=9, graph_def=b""))
    board.close()
    assert values(history(run), "x") == {0: 0.0, 1: 1.0, 2: 2.0}


def test_a_writer_that_was_open_before() -> None:
    board = writer("logs")
    board.add_scalar("x", 1.0, 0)
    run = kiseki.init(sync_tensorboard=True)
    board.add_scalar("x", 2.0, 1)
    assert values(history(run), "x") == {1: 2.0}
    board.add_scalar("x", 3.0, 2)  # after the run: TensorBoard as without us


def test_runs_in_sequence_do_not_mix() -> None:  # T-06
    board = writer("logs/one")
    found = []
    for number in range(3):
        run = kiseki.init(sync_tensorboard=number != 1)
        board.add_scalar("x", number, number)
        found.append(values(history(run), "x"))
        board = writer(f"logs/{number}")
    assert found == [{0: 0.0}, {}, {2: 2.0}]
    assert "kiseki" not in EventFileWriter.add_event.__code__.co_filename


def test_two_runs_at_once_both_hear() -> None:
    first = kiseki.init(sync_tensorboard=True)
    second = kiseki.init(sync_tensorboard=True, reinit="create_new")
    board = writer("logs")
    board.add_scalar("x", 1.0, 0)
    first.finish()
    board.add_scalar("x", 2.0, 1)
    assert values(history(first), "x") == {0: 1.0}
    assert values(history(second), "x") == {0: 1.0, 1: 2.0}


def test_patch_comes_before_init() -> None:
    kiseki.tensorboard.patch(root_logdir="logs", tensorboard_x=True)
    try:
        run = kiseki.init()
        writer("logs/a/b").add_scalar("x", 1.0, 0)
        assert values(history(run), "a/b/x") == {0: 1.0}
    finally:
        kiseki.tensorboard.unpatch()
    run = kiseki.init()
    writer("logs/c").add_scalar("x", 1.0, 0)
    assert history(run) == []


def test_disabled_runs_hear_nothing() -> None:
    run = kiseki.init(mode="disabled", sync_tensorboard=True)
    writer("logs").add_scalar("x", 1.0, 0)
    assert "x" not in run.summary


def test_without_a_library_it_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:  # I-84
    monkeypatch.setattr(tensorboard, "LIBRARIES", ("no_such_library",))
    with pytest.raises(kiseki.Error, match="pip install tensorboard"):
        kiseki.init(sync_tensorboard=True)
    assert kiseki.run is None
    kiseki.init().finish()


def test_not_asked_for_it_is_off_and_costs_nothing() -> None:
    done = run_script(
        """
        import sys, kiseki
        from tensorboardX import SummaryWriter
        with kiseki.init() as run:
            SummaryWriter("logs").add_scalar("x", 1.0, 0)
        print(sorted(name for name in sys.modules if name.startswith("kiseki.integrations")))
        """
    )
    assert done.returncode == 0 and done.stdout.strip() == "[]", done.stderr
    assert list(kiseki.open(only_folder()).history()) == []


@pytest.mark.parametrize("first", ["library", "init"])
def test_the_library_may_be_imported_later(first: str) -> None:
    lines = ["from tensorboardX import SummaryWriter", "run = kiseki.init(sync_tensorboard=True)"]
    lines = lines if first == "library" else lines[::-1]
    done = run_script(
        "import kiseki\n" + "\n".join(lines) + '\nSummaryWriter("logs").add_scalar("x", 2.0, 4)\n'
    )
    assert done.returncode == 0, done.stderr
    assert values(list(kiseki.open(only_folder()).history()), "x") == {4: 2.0}


def test_what_was_written_survives_a_kill() -> None:  # F-23
    done = run_script(
        """
        import os, signal, kiseki
        from tensorboardX import SummaryWriter
        kiseki.init(sync_tensorboard=True)
        board = SummaryWriter("logs")
        for step in range(100):
            board.add_scalar("x", step, step)
        os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    assert done.returncode == -9
    assert len(kiseki.open(only_folder()).history()) == 100


def test_the_old_name_works_and_is_called_old() -> None:  # I-71
    done = run_script(
        """
        import kiseki
        from tensorboardX import SummaryWriter
        with kiseki.init(tensorboard=True) as run:
            SummaryWriter("logs").add_scalar("x", 2.0, 4)
        """
    )
    assert done.returncode == 0, done.stderr
    assert "sync_tensorboard" in done.stderr
    assert values(list(kiseki.open(only_folder()).history()), "x") == {4: 2.0}


# -- libraries that are too large to be installed for every test -----------------------------------------


def needs(library: str) -> Any:
    return pytest.mark.skipif(find_spec(library) is None, reason=f"{library} is not installed")


@pytest.mark.slow
@needs("torch")
def test_torch() -> None:  # I-72
    done = run_script(
        """
        import kiseki, torch
        from torch.utils.tensorboard import SummaryWriter
        with kiseki.init(sync_tensorboard=True) as run:
            board = SummaryWriter("logs")
            for step in range(100):
                board.add_scalar("loss", step, step)
            board.add_scalar("new", 1.5, 3, new_style=True)
            board.add_scalar("double", 0.1, 3, new_style=True, double_precision=True)
            board.add_scalars("pair", {"a": 1, "b": 2}, 3)
            board.add_histogram("h", torch.arange(100.0), 3)
            board.add_text("note", "x", 3)
            board.add_hparams({"lr": 0.5}, {"hparam/acc": 0.75})
        """,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    run = kiseki.open(only_folder())
    rows = list(run.history())
    assert values(rows, "loss") == {step: float(step) for step in range(100)}
    row = rows[3]
    assert (row["new"], row["double"], row["note"]) == (1.5, 0.1, "x")
    assert (row["pair_a/pair"], row["pair_b/pair"]) == (1.0, 2.0)
    assert sum(row["h"]["values"]) == 100
    assert run.config == {"lr": 0.5} and values(rows, "hparam/acc") == {0: 0.75}


@pytest.mark.slow
@needs("tensorflow")
def test_tensorflow_and_keras() -> None:  # I-72
    done = run_script(
        """
        import kiseki, numpy
        run = kiseki.init(sync_tensorboard=True)
        import keras, tensorflow as tf
        with tf.summary.create_file_writer("logs").as_default() as board:
            for step in range(500):
                tf.summary.scalar("loss", step, step=step)
            tf.summary.histogram("h", numpy.arange(100.0), step=3, buckets=5)
            tf.summary.text("note", "x", step=3)
            board.flush()
            assert run.summary["loss"] == 499.0 and run.summary["note"] == "x"  # at once
        model = keras.Sequential([keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        x = numpy.ones((8, 3))
        callback = keras.callbacks.TensorBoard("logs/keras")
        y = x.sum(1)
        model.fit(x, y, epochs=2, verbose=0, validation_data=(x, y), callbacks=[callback])
        late = tf.summary.create_file_writer("logs/late")
        with late.as_default():
            tf.summary.scalar("last", 7.0, step=9)  # not flushed by the script
        run.finish()
        """,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    rows = list(kiseki.open(only_folder()).history())
    assert values(rows, "loss") == {step: float(step) for step in range(500)}
    assert len(values(rows, "keras/train/epoch_loss")) == 2
    assert len(values(rows, "keras/validation/epoch_loss")) == 2
    assert values(rows, "late/last") == {9: 7.0} and sum(rows[3]["h"]["values"]) == 100
