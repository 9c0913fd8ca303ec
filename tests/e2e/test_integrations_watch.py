"""`run.watch`: what torch calls back with joins the rows that the script logs (R-21)."""

from __future__ import annotations

import copy
import io
import math
import pickle
from collections.abc import Iterator
from typing import Any

import pytest

import kiseki
from tests.e2e.run_scripts import OFFLINE
from tests.unit.integrations.tensors import Module

GRADIENT, PARAMETER = "gradients/layer.weight", "parameters/layer.weight"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[kiseki.Run]:
    for name, value in OFFLINE.items():
        monkeypatch.setenv(name, value)
    run = kiseki.init(project="models")
    yield run
    run.finish()


def history(run: kiseki.Run) -> list[dict[str, Any]]:
    run.finish()
    return list(kiseki.open(run.sync_dir).history())


def keys(row: dict[str, Any]) -> set[str]:
    return {key for key in row if not key.startswith("_")}


def test_histograms_join_the_next_row(run: kiseki.Run) -> None:
    model = Module()
    run.watch(model, log="all", log_freq=2)
    for batch in range(5):
        model.batch()
        run.log({"loss": batch})
    rows = history(run)
    wide = {"loss", GRADIENT, PARAMETER, "parameters/layer.bias"}
    assert [keys(row) for row in rows] == [{"loss"}, wide, {"loss"}, wide, {"loss"}]
    assert sum(rows[1][GRADIENT]["values"]) == 3 and len(rows[1][GRADIENT]["bins"]) == 65
    assert rows[1][GRADIENT]["bins"][0] == -1.0 and rows[1][GRADIENT]["bins"][-1] == 1.0
    assert rows[1]["parameters/layer.bias"]["bins"][::64] == [-0.5, 0.5]


@pytest.mark.parametrize("how", [{"step": 70}, {"commit": False}])
def test_they_make_no_rows_of_their_own(run: kiseki.Run, how: dict[str, Any]) -> None:
    model = Module()
    kiseki.watch(model, log_freq=1)
    model.batch()
    model.batch((5.0, 5.0, 5.0))
    run.log({"loss": 1.0}, **how)
    run.log({"more": 2})
    (row,) = history(run)
    assert keys(row) == {"loss", "more", GRADIENT}
    assert row[GRADIENT]["bins"][0] == 4.5  # the last one before the row


def test_a_refused_row_leaves_them_waiting(run: kiseki.Run) -> None:
    model = Module()
    run.watch(model, log_freq=1)
    model.batch()
    with pytest.raises(kiseki.UsageError):
        run.log({"loss": object()})
    with pytest.raises(kiseki.UsageError):
        run.log("loss")  # type: ignore[arg-type]
    run.log({"loss": 1})
    (row,) = history(run)
    assert keys(row) == {"loss", GRADIENT}


def test_unwatch(run: kiseki.Run) -> None:
    first, second = Module(), Module()
    run.watch([first, second], log_freq=1)
    kiseki.unwatch(first)
    first.batch()
    second.batch()
    run.log({"loss": 1})
    run.unwatch()
    second.batch()
    run.log({"loss": 2})
    rows = history(run)
    assert [keys(row) for row in rows] == [
        {"loss", "gradients/graph_1/layer.weight"}, {"loss"}
    ]  # fmt: skip
    assert not second.forward_hooks and not second.parts["layer.weight"].hooks


def test_models_are_numbered(run: kiseki.Run) -> None:
    first, second, third = Module(), Module(), Module()
    run.watch(first, log="parameters", log_freq=1)
    run.watch(second, log="parameters", log_freq=1)
    run.watch(third, log="parameters", log_freq=1, idx=7, criterion=len, log_graph=True)
    for model in (first, second, third):
        model.batch()
    run.log({})
    (row,) = history(run)
    found = {key.removesuffix("layer.weight") for key in row if key.endswith("weight")}
    assert found == {"parameters/", "parameters/graph_1/", "parameters/graph_7/"}


def test_evaluation_does_not_count(run: kiseki.Run) -> None:
    model = Module()
    run.watch(model, log="parameters", log_freq=1)
    model.training = False
    model.batch()
    run.log({"loss": 1})
    assert [keys(row) for row in history(run)] == [{"loss"}]


def test_numbers_that_are_none_are_counted(run: kiseki.Run) -> None:
    model = Module()
    run.watch(model, log_freq=1)
    model.batch((math.nan, math.inf, -math.inf))
    run.log({})
    found = history(run)[0][GRADIENT]
    assert found == {"_type": "histogram", "values": [], "bins": [], "nan": 1, "pinf": 1, "ninf": 1}


def test_a_copy_of_a_model_is_not_watched(run: kiseki.Run) -> None:
    model = Module()
    run.watch(model, log="parameters", log_freq=1)
    for hooks in (
        copy.deepcopy(model.forward_hooks),
        pickle.loads(pickle.dumps(model.forward_hooks)),
    ):
        hooks[0](model, (), None)
    run.log({"loss": 1})
    assert [keys(row) for row in history(run)] == [{"loss"}]


def test_the_end_of_the_run_is_the_end_of_it(run: kiseki.Run) -> None:
    model = Module()
    run.watch(model, log="all", log_freq=1)
    model.batch()
    assert history(run) == []
    assert not model.forward_hooks and not model.parts["layer.weight"].hooks
    with pytest.raises(kiseki.UsageError):
        run.watch(model)
    with pytest.raises(kiseki.Error, match="init"):  # F-10
        kiseki.watch(model)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"models": 3}, "torch modules"),
        ({"models": [Module(), "x"]}, "torch modules"),
        ({"models": Module(), "log": "weights"}, "gradients, parameters"),
        ({"models": Module(), "log_freq": 0}, "log_freq"),
        ({"models": Module(), "log_freq": 1.5}, "log_freq"),
    ],
)
def test_misuse(run: kiseki.Run, arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(kiseki.UsageError, match=words):
        run.watch(**arguments)


def test_a_model_is_watched_once(run: kiseki.Run) -> None:
    model = Module()
    run.watch(model, log=None)
    with pytest.raises(kiseki.UsageError, match="watched already"):
        run.watch(model)
    run.unwatch(model)
    run.watch(model)


def test_a_disabled_run_watches_nothing() -> None:
    run = kiseki.init(mode="disabled")
    run.watch("nothing")  # type: ignore[arg-type]
    run.unwatch()


@pytest.mark.slow
def test_with_torch(run: kiseki.Run) -> None:
    torch = pytest.importorskip("torch")
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU(), torch.nn.Linear(3, 1))
    model[2].bias.requires_grad_(False)
    run.watch(model, log="all", log_freq=3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(6):
        loss = model(torch.randn(8, 4)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        run.log({"loss": loss})
    clone = copy.deepcopy(model)
    clone(torch.randn(8, 4)).sum().backward()
    torch.save(model, io.BytesIO())
    rows = history(run)
    wide = {f"gradients/{name}" for name in ("0.weight", "0.bias", "2.weight")}
    wide |= {f"parameters/{name}" for name, _ in model.named_parameters()} | {"loss"}
    assert [keys(row) for row in rows] == [{"loss"}, {"loss"}, wide] * 2
    assert sum(rows[5]["gradients/0.weight"]["values"]) == 12
