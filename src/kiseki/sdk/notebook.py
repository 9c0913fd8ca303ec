"""The notebook a run is started in: name, history, pauses between cells, `%kiseki` (J-01 … J-03)."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from kiseki.sdk import script
from kiseki.sdk.guard import Guard

if TYPE_CHECKING:
    from kiseki.sdk.run import Run

SERVER_SECONDS_MAX = 1.0
HISTORY = "code/_session_history.ipynb"
# What kernels are told of the notebook they serve: VS Code, then Jupyter's server.
VSCODE_VARIABLE = "__vsc_ipynb_file__"
SESSION_VARIABLE = "JPY_SESSION_NAME"
_KERNEL = re.compile(r"kernel-([^/\\]+)\.json$")


# -- its name (J-02) -------------------------------------------------------------------------------------


def path(name: str | None = None) -> str:
    """Return the path of the notebook whose kernel this is, "" if nothing tells it.

    Args:
        name: the setting `notebook_name`; wins.
    """
    if name:
        return os.path.join(script.current_folder(), name)
    shell = _shell()
    if shell is None:
        return ""
    told = shell.user_ns.get(VSCODE_VARIABLE) or os.environ.get(SESSION_VARIABLE, "")
    if isinstance(told, str) and told.endswith(".ipynb"):
        return os.path.abspath(told)
    return _path_at_server(shell)


def _path_at_server(shell: Any) -> str:
    """Ask the Jupyter servers of this user which notebook the kernel serves."""
    connection = str(shell.config.get("IPKernelApp", {}).get("connection_file", ""))
    kernel = _KERNEL.search(connection)
    if kernel is None:
        return ""
    for server in _servers():
        for session in _sessions(server):
            if session.get("kernel", {}).get("id") == kernel.group(1):
                root = server.get("root_dir") or server.get("notebook_dir") or ""
                below = session.get("path") or session.get("notebook", {}).get("path", "")
                return os.path.join(root, below)
    return ""


def _servers() -> Iterator[dict[str, Any]]:
    """Yield what each running Jupyter server says of itself."""
    try:
        from jupyter_core.paths import jupyter_runtime_dir

        names = sorted(os.scandir(jupyter_runtime_dir()), key=lambda entry: entry.name)
    except (ImportError, OSError):
        return
    for entry in names:
        if entry.name.startswith(("jpserver-", "nbserver-")) and entry.name.endswith(".json"):
            try:
                with open(entry.path, encoding="utf-8") as file:
                    yield json.load(file)
            except (OSError, ValueError):
                continue


def _sessions(server: dict[str, Any]) -> list[dict[str, Any]]:
    from urllib.request import Request, urlopen

    address = f"{server.get('url', '')}api/sessions"
    if not address.startswith(("http://", "https://")):
        return []
    headers = {"Authorization": f"token {server['token']}"} if server.get("token") else {}
    try:
        with urlopen(Request(address, headers=headers), timeout=SERVER_SECONDS_MAX) as answer:
            found = json.load(answer)
    except (OSError, ValueError):  # it ended without removing its file, or wants a password
        return []
    return found if isinstance(found, list) else []


# -- its history (J-01) ----------------------------------------------------------------------------------


def history() -> str:
    """Return the cells run so far, in their order, as a notebook (nbformat 4); "" outside of one.

    This is what was run, which the saved notebook need not be: cells are changed and run again.
    """
    shell = _shell()
    if shell is None:
        return ""
    manager = shell.history_manager
    cells = [
        {
            "cell_type": "code",
            "id": f"run-{number}",
            "execution_count": number,
            "metadata": {},
            "source": source.splitlines(keepends=True),
            "outputs": _outputs(manager.output_hist_reprs.get(number), number),
        }
        for number, source in enumerate(manager.input_hist_raw)
        if number and source
    ]
    language = {"name": "python", "version": sys.version.split()[0], "file_extension": ".py"}
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": language}
    found = {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(found, indent=1, ensure_ascii=False)


def _outputs(text: str | None, number: int) -> list[dict[str, Any]]:
    if text is None:
        return []
    data = {"text/plain": text.splitlines(keepends=True)}
    return [
        {"output_type": "execute_result", "execution_count": number, "data": data, "metadata": {}}
    ]


# -- between cells (J-01) --------------------------------------------------------------------------------


class Cells:
    """Lets a run rest while no cell runs: its run time stands still and no system metrics are sampled.

    What other threads log in the meantime is recorded as ever, and ends the rest for the run time.
    """

    def __init__(self, run: Run, shell: Any) -> None:
        self._run = run
        self._shell = shell
        self._rests_since_ns: int | None = None
        self._has_left = False
        self._keeps_code = False
        self._shown: list[Any] = []
        shell.events.register("pre_run_cell", self._begin)
        shell.events.register("post_run_cell", self._end)
        run.before_finish(self._leave)

    def show(self, height: int, hidden: bool) -> None:
        """Show the run below the cell; the card follows the run with every cell that ends."""
        from kiseki.sdk import display

        handle = display.show(self._run.to_html(height, hidden))
        self._shown.append((handle, height, hidden))

    def update(self) -> None:
        """Bring the cards up to date."""
        from kiseki.sdk import display

        for handle, height, hidden in self._shown:
            handle.update(display.html_of(self._run.to_html(height, hidden)))

    def keep_code(self) -> None:
        """Keep the notebook as it is when the run ends, and what was run until then (code saving, J-01)."""
        self._keeps_code = True

    def _begin(self, *_: Any) -> None:
        since_ns, self._rests_since_ns = self._rests_since_ns, None
        if since_ns is not None:
            self._run._resume(since_ns)

    def _end(self, *_: Any) -> None:
        with Guard("resting between cells"):
            if self._has_left:
                self._shell.events.unregister("post_run_cell", self._end)
            else:
                self._rests_since_ns = time.monotonic_ns()
                self._run._pause()
            self.update()

    def _leave(self) -> None:
        """The run ends. Its cards are brought up to date once more, when the cell ends that ended it."""
        self._begin()
        self._has_left = True
        self._shell.events.unregister("pre_run_cell", self._begin)
        if self._keeps_code:
            self._put_history()

    def _put_history(self) -> None:
        from kiseki.sdk.code import save_program
        from kiseki.sdk.files import put

        save_program(self._run)
        target = os.path.join(self._run.dir, *HISTORY.split("/"))
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "w", encoding="utf-8") as file:
            file.write(history())
        put(self._run, target, HISTORY, "now")


def follow(run: Run) -> Cells | None:
    """Let a run follow the cells of the notebook it was started in; None outside of one."""
    shell = _shell()
    return None if shell is None else Cells(run, shell)


def _shell() -> Any:
    """Return IPython's shell if this is the kernel of a notebook, else None."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython is not None and script.is_notebook() else None


# -- %kiseki (J-03) --------------------------------------------------------------------------------------


def offer_magic(shell: Any = None) -> None:
    """Make `%kiseki` known: to the notebook this runs in, if any, or to the shell given."""
    shell = shell or _shell()
    if shell is not None:
        shell.register_magic_function(_magic, "line", "kiseki")


def _magic(line: str) -> Any:
    """Show a run or a project: `%kiseki ENTITY/PROJECT[/RUN]`; without a path the active run."""
    from kiseki.client.credentials import resolve
    from kiseki.sdk import display
    from kiseki.sdk.current import session

    if not line.strip():
        session.active("%kiseki").display()
        return None
    settings = session.base_settings()
    target = resolve(settings.base_url, settings.api_key, session.environ)
    card = display.of_path(line.strip(), settings.app_url or target.base_url)
    return display.html_of(display.page(card))
