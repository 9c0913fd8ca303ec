"""Runs started in a notebook: a real ipykernel, spoken to as Jupyter does (J-01 … J-03, R-10)."""

from __future__ import annotations

import json
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import kiseki
from kiseki.record.types import Open
from tests.e2e.run_scripts import OFFLINE, journal, of, only_folder

jupyter = pytest.importorskip("jupyter_client")
pytest.importorskip("ipykernel")
pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # of the client that the test speaks with
]


class Kernel:
    """A kernel, and what its cells answer."""

    def __init__(self, env: dict[str, str]) -> None:
        from jupyter_client.kernelspec import KernelSpec

        self.manager = jupyter.KernelManager()
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        self.manager._kernel_spec = KernelSpec(argv=command, language="python")
        self.manager.start_kernel(env=env)
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(60)

    def run(self, code: str, fails: bool = False) -> str:
        """Run a cell; return what it printed and showed."""
        shown: list[str] = []
        answer = self.client.execute_interactive(
            textwrap.dedent(code),
            timeout=60,
            output_hook=lambda message: shown.append(_text(message)),
        )
        text = "".join(shown)
        assert (answer["content"]["status"] == "error") is fails, text
        return text

    def stop(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


def _text(message: dict[str, Any]) -> str:
    content = message["content"]
    if message["msg_type"] in ("status", "execute_input"):
        return ""
    if message["msg_type"] == "stream":
        return str(content["text"])
    if message["msg_type"] == "error":
        return "\n".join(content["traceback"])
    data = content.get("data", {})
    return f"[{message['msg_type']}]" + str(data.get("text/html") or data.get("text/plain") or "")


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """One kernel for all tests: its start costs a second."""
    import os

    folder = tmp_path_factory.mktemp("kernel")
    env = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("KISEKI_", "WANDB_"))
    }
    env |= OFFLINE | {"KISEKI_CONFIG_DIR": str(folder / "c"), "KISEKI_DATA_DIR": str(folder / "d")}
    env |= {"KISEKI_STRICT": "1", "JPY_SESSION_NAME": str(folder / "Digits and more.ipynb")}
    found = Kernel(env)
    yield found
    found.stop()


@pytest.fixture(autouse=True)
def folder(kernel: Kernel, tmp_path: Path) -> Iterator[Path]:
    kernel.run(f"import os, kiseki; os.chdir({str(tmp_path)!r})")
    yield tmp_path
    kernel.run("kiseki.finish()")


def test_defaults_of_a_notebook(kernel: Kernel, folder: Path) -> None:  # I-36, I-52
    kernel.run('first = kiseki.init(project="p", config={"lr": 1}); first.config.lr = 2')
    kernel.run('second = kiseki.init(project="p")')
    assert kernel.run("print(first is second, kiseki.run is second)").split() == ["False", "True"]
    assert "has ended" in kernel.run("first.log({})", fails=True)


def test_the_run_rests_between_cells(kernel: Kernel, folder: Path) -> None:  # J-01
    kernel.run('run = kiseki.init(project="p"); run.log({"at": 0})')
    kernel.run("pass")
    before = time.monotonic()
    while time.monotonic() - before < 1.0:  # a person reads
        time.sleep(0.05)
    kernel.run('run.log({"at": 1}); run.finish()')
    found = kiseki.open(only_folder(folder))
    first, second = found.history()
    apart = second["_timestamp"] - first["_timestamp"]
    assert apart >= 1.0 and second["_runtime"] - first["_runtime"] <= apart - 0.999
    assert 0 < first["_runtime"] < second["_runtime"]


def test_what_threads_log_between_cells_keeps_its_time(kernel: Kernel, folder: Path) -> None:
    kernel.run(
        """
        import threading, time
        run = kiseki.init(project="p")
        def work():
            for at in range(10):
                time.sleep(0.05)
                run.log({"at": at})
        thread = threading.Thread(target=work); thread.start()
        """
    )
    time.sleep(0.3)
    kernel.run('thread.join(); run.log({"at": 10}); run.finish()')
    times = [row["_runtime"] for row in kiseki.open(only_folder(folder)).history()]
    assert len(times) == 11 and times == sorted(times)


def test_system_metrics_rest_too(kernel: Kernel, folder: Path) -> None:  # J-01
    kernel.run(
        'run = kiseki.init(settings={"x_disable_stats": False, "x_stats_sampling_interval": 0.1})'
    )
    path = only_folder(folder)

    def samples() -> int:
        return len(kiseki.open(path).system_metrics())

    deadline = time.monotonic() + 30
    resting = -1
    while (found := samples()) != resting:  # some may be on their way when the cell ends
        assert time.monotonic() < deadline
        resting = found
        time.sleep(1.0)
    kernel.run(
        f"""
        deadline = time.monotonic() + 20
        while len(kiseki.open({str(path)!r}).system_metrics()) <= {resting}:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        run.finish()
        """
    )
    assert samples() > resting


def test_the_name_of_the_notebook(kernel: Kernel, folder: Path) -> None:  # J-02
    kernel.run("import kiseki.sdk.notebook as notebook")
    told = kernel.run("print(notebook.path())").strip()
    assert told.endswith("Digits and more.ipynb")
    kernel.run('__vsc_ipynb_file__ = "/work/in vscode.ipynb"')
    assert kernel.run("print(notebook.path())").strip() == "/work/in vscode.ipynb"
    kernel.run("del __vsc_ipynb_file__")
    kernel.run("kiseki.init().finish()")
    assert of(journal(only_folder(folder)), Open)[0].program == told


def test_a_name_that_is_given_wins(kernel: Kernel, folder: Path) -> None:  # J-02
    kernel.run('kiseki.init(settings={"notebook_name": "mine.ipynb"}).finish()')
    assert of(journal(only_folder(folder)), Open)[0].program == str(folder / "mine.ipynb")


def test_its_history_is_a_notebook(kernel: Kernel, folder: Path) -> None:  # J-01
    kernel.run("import kiseki.sdk.notebook as notebook")
    kernel.run("6 * 7  # the answer\n")
    kernel.run("print('é')")
    kernel.run(f"open({str(folder / 'h.ipynb')!r}, 'w').write(notebook.history())")
    found = json.loads((folder / "h.ipynb").read_text())
    assert (found["nbformat"], found["nbformat_minor"]) == (4, 5)
    cells = {"".join(cell["source"]).strip(): cell for cell in found["cells"]}
    answer = cells["6 * 7  # the answer"]
    assert answer["outputs"][0]["data"]["text/plain"] == ["42"]
    assert cells["print('é')"]["execution_count"] == answer["execution_count"] + 1
    assert len({cell["id"] for cell in found["cells"]}) == len(found["cells"])


def test_notebook_and_history_are_kept_with_the_code(kernel: Kernel, folder: Path) -> None:  # J-01
    (folder / "digits.ipynb").write_text("{}")
    settings = "{'notebook_name': 'digits.ipynb'}"
    kernel.run(f"run = kiseki.init(save_code=True, settings={settings})")
    (folder / "digits.ipynb").write_text('{"cells": []}')
    kernel.run("kept = 'in the history'")
    kernel.run("run.finish()")
    found = only_folder(folder)
    code = found / "files" / "code"
    assert (code / "digits.ipynb").read_text() == '{"cells": []}'
    assert "kept = 'in the history'" in (code / "_session_history.ipynb").read_text()
    names = {path for path, _ in kiseki.open(found).files()}
    assert {"code/digits.ipynb", "code/_session_history.ipynb"} <= names


def test_without_code_saving_nothing_of_it_is_kept(kernel: Kernel, folder: Path) -> None:
    kernel.run("kiseki.init().finish()")
    assert not (only_folder(folder) / "files" / "code").exists()


def test_a_run_shows_itself(kernel: Kernel, folder: Path) -> None:  # R-10, J-03
    kernel.run('run = kiseki.init(project="p", name="<b>x</b>"); run.log({"loss": 0.25})')
    shown = kernel.run("run")
    assert shown.startswith("[execute_result]<div") and "&lt;b&gt;x&lt;/b&gt;" in shown
    assert "loss" in shown and "0.25" in shown and "running" in shown
    assert "[display_data]<div" in kernel.run("run.display(height=200, hidden=True)")
    updated = kernel.run('run.log({"loss": 0.5}); print("done")')
    assert "[update_display_data]" in updated and "0.5" in updated and "<details>" in updated
    ended = kernel.run("run.finish()")
    assert "[update_display_data]" in ended and "finished" in ended
    assert "[update_display_data]" not in kernel.run("pass")


def test_the_magic_links_to_a_path(kernel: Kernel) -> None:  # J-03
    shown = kernel.run("%kiseki ada/digits/3f9a0c1x")
    assert 'href="http://127.0.0.1:7500/ada/digits/runs/3f9a0c1x"' in shown
    assert "ada/digits" in kernel.run("%load_ext kiseki\n%kiseki ada/digits")
    assert "init()" in kernel.run("%kiseki", fails=True)
    kernel.run('run = kiseki.init(project="p", name="quiet river")')
    assert "quiet river" in kernel.run("%kiseki")
    assert "entity/project" in kernel.run("%kiseki alone", fails=True)
