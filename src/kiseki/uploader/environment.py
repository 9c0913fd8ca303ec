"""What is captured of the machine and the program, once per run (G-03, G-04, G-05)."""

from __future__ import annotations

import getpass
import os
import platform
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kiseki.base.clock import iso
from kiseki.base.paths import code_path
from kiseki.base.redaction import is_secret_name, redact_args, redact_url

GIT_TIMEOUT_S = 5.0
DIFF_BYTES_MAX = 10 * 1024 * 1024


def packages(path: Iterable[str]) -> dict[str, str]:
    """Return name and version of what is installed in the folders of `path`.

    Reads the folders' listings and the first lines of each METADATA: `importlib.metadata` parses whole
    files with the e-mail parser and takes ten times as long.
    """
    found: dict[str, str] = {}
    for folder in path:
        try:
            names = os.listdir(folder or ".")
        except OSError:
            continue
        for entry in names:
            if not entry.endswith((".dist-info", ".egg-info")):
                continue
            name, version = _name_and_version(os.path.join(folder, entry))
            if name and name not in found:  # the first on the path is the one imported
                found[name] = version
    return dict(sorted(found.items(), key=lambda item: item[0].lower()))


def _name_and_version(entry: str) -> tuple[str, str]:
    stem = os.path.basename(entry).rpartition(".")[0]
    name, _, version = stem.partition("-")
    file = entry
    if os.path.isdir(entry):
        file = os.path.join(entry, "METADATA" if entry.endswith(".dist-info") else "PKG-INFO")
    try:
        with open(file, "rb") as metadata:
            head = metadata.read(600).decode("utf-8", "replace")
    except OSError:
        return name, version
    for line in head.splitlines():
        if line.startswith("Name: "):
            name = line[6:].strip()
        elif line.startswith("Version: "):
            version = line[9:].strip()
    return name, version


def git(folder: str) -> tuple[dict[str, Any], bytes]:
    """Return what git says about the work tree that holds `folder`, and the uncommitted changes.

    Both are empty outside of a repository, without git, or when it takes too long.
    """

    def ask(*args: str) -> bytes:
        command = ["git", "-C", folder, "--no-optional-locks", *args]
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=GIT_TIMEOUT_S,
            env={**os.environ, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"},
            check=True,
        )
        return done.stdout

    def ask_text(*args: str) -> str:
        try:
            return ask(*args).decode("utf-8", "replace").strip()
        except (OSError, subprocess.SubprocessError):
            return ""

    # One question for three answers: starting git is what takes the time.
    found = ask_text("rev-parse", "HEAD", "--show-toplevel", "--abbrev-ref", "HEAD").split("\n")
    if len(found) != 3:
        return {}, b""
    commit, root, branch = found
    try:
        diff = ask("diff", "HEAD", "--submodule=diff", "--no-color", "--no-ext-diff", "--binary")
    except (OSError, subprocess.SubprocessError):
        diff = b""
    about: dict[str, Any] = {"commit": commit, "dirty": bool(diff), "diff_bytes": len(diff)}
    if remote := ask_text("config", "--get", "remote.origin.url"):
        about["remote"] = redact_url(remote)
    about["branch"] = branch
    about["root"] = root
    return about, diff[:DIFF_BYTES_MAX]


def machine(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts of `wandb-metadata.json` about machine, program and user (G-04).

    `settings` is what the SDK wrote: `program`, `argv`, `executable`, `cwd`, `host`, `parent_started_us`,
    `username`, `email`, `docker`.
    """
    about: dict[str, Any] = {
        "os": f"{platform.system()}-{platform.release()}-{platform.machine()}",
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "host": settings.get("host") or socket.gethostname(),
        "executable": settings.get("executable") or sys.executable,
        "program": settings.get("program") or "",
        "args": redact_args([str(arg) for arg in settings.get("argv") or []][1:]),
        "cwd": settings.get("cwd") or "",
        "user": settings.get("username") or _user(),
        "cpu_count": _physical_cpus(),
        "cpu_count_logical": os.cpu_count() or 1,
    }
    if settings.get("parent_started_us"):
        about["startedAt"] = iso(int(settings["parent_started_us"]))
    if about["program"]:
        about["codePath"] = code_path(str(about["program"]), str(about["cwd"]))
    about["memory"] = {"total": _memory_bytes()}
    about["disk"] = {}
    for place in dict.fromkeys(["/", settings.get("cwd") or "/"]):
        try:
            usage = shutil.disk_usage(place)
        except OSError:
            continue
        about["disk"][place] = {"total": usage.total, "used": usage.used}
    slurm = {
        name[6:].lower(): value
        for name, value in sorted(os.environ.items())
        if name.startswith("SLURM_") and not is_secret_name(name)
    }
    if slurm:
        about["slurm"] = slurm
    for name in ("email", "docker"):
        if settings.get(name):
            about[name] = settings[name]
    return about


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container without the user's entry
        return str(os.getuid()) if hasattr(os, "getuid") else ""


def _physical_cpus() -> int:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return os.cpu_count() or 1
    cores = set()
    for block in text.split("\n\n"):
        pairs = (line.partition(":") for line in block.splitlines())
        fields = {name.strip(): value.strip() for name, _, value in pairs}
        if "core id" in fields:
            cores.add((fields.get("physical id", "0"), fields["core id"]))
    return len(cores) or os.cpu_count() or 1


def _memory_bytes() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        import psutil

        return int(psutil.virtual_memory().total)


def write_requirements(path: Path, found: Mapping[str, str]) -> None:
    """Write `requirements.txt`: one `name==version` a line."""
    lines = [f"{name}=={version}\n" for name, version in found.items()]
    path.write_text("".join(lines), encoding="utf-8")
