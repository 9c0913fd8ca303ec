"""What is captured of machine and program, without its secrets (G-03, G-04, G-05, G-06, reliability 5.5)."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from kiseki.base.clock import wall_us
from kiseki.base.redaction import redact_args, redact_url
from kiseki.uploader import death
from kiseki.uploader.environment import git, machine, packages
from kiseki.uploader.metrics import Sampler


@pytest.mark.parametrize(
    ("args", "shown"),
    [
        (["--lr", "0.1", "data/x"], ["--lr", "0.1", "data/x"]),
        (["--api-key", "abc", "--x"], ["--api-key", "[hidden]", "--x"]),
        (["--token=abc", "PASSWORD=abc"], ["--token=[hidden]", "PASSWORD=[hidden]"]),
        (["ksk_abcdefgh12345678", "hf_abcdefghijk"], ["[hidden]", "[hidden]"]),
        (["https://u:p@host/x"], ["https://host/x"]),
        (["--db=pg://u:p@host/x"], ["--db=pg://host/x"]),
        (["--tokenizer", "bert"], ["--tokenizer", "bert"]),
    ],
)
def test_secrets_on_the_command_line_are_hidden(args: list[str], shown: list[str]) -> None:
    assert redact_args(args) == shown


def test_packages_agree_with_importlib_metadata() -> None:
    found = packages(sys.path)
    expected: dict[str, str] = {}
    for distribution in metadata.distributions():
        name = distribution.metadata["Name"]
        if name:
            expected.setdefault(name, distribution.version)
    assert found == dict(sorted(expected.items(), key=lambda item: item[0].lower()))


def test_git_without_password_and_with_the_diff(tmp_path: Path) -> None:
    def run(*args: str) -> None:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        subprocess.run(
            ["git", "-C", str(tmp_path), *identity, *args], check=True, capture_output=True
        )

    assert git(str(tmp_path)) == ({}, b"")
    run("init", "-b", "main")
    (tmp_path / "a.py").write_text("one\n")
    run("add", ".")
    run("commit", "-m", "first")
    run("remote", "add", "origin", "https://me:s3cret@git.example.org/x.git")
    about, diff = git(str(tmp_path))
    assert about["remote"] == "https://git.example.org/x.git" and about["branch"] == "main"
    assert len(about["commit"]) == 40 and not about["dirty"] and diff == b""
    (tmp_path / "a.py").write_text("two\n")
    about, diff = git(str(tmp_path))
    assert about["dirty"] and b"+two" in diff and about["diff_bytes"] == len(diff)


def test_machine_facts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "42")
    monkeypatch.setenv("SLURM_JWT_TOKEN", "secret")
    about = machine(
        {"program": "train.py", "argv": ["train.py", "--key", "v"], "cwd": "/", "host": "lab3"}
    )
    assert about["host"] == "lab3" and about["program"] == "train.py"
    assert 1 <= about["cpu_count"] <= about["cpu_count_logical"] == os.cpu_count()
    assert about["memory"]["total"] > 1e8 and about["disk"]["/"]["total"] > 0
    assert about["slurm"] == {"job_id": "42"} and "secret" not in str(about)
    assert redact_url("ssh://git@host/x") == "ssh://host/x"


def test_system_metrics_have_their_names() -> None:
    sampler = Sampler(os.getpid())
    values = sampler.sample()
    for name in (
        "cpu", "cpu.0.cpu_percent", "memory_percent", "proc.memory.rssMB", "proc.memory.percent",
        "proc.memory.availableMB", "proc.cpu.threads", "disk./.usagePercent", "disk./.usageGB",
    ):  # fmt: skip
        assert isinstance(values[name], (int, float)), name
    assert values["proc.memory.rssMB"] > 5
    two = Sampler(os.getpid(), ["/", "/tmp", "/not there"]).sample()
    assert [name for name in two if name.endswith("usageGB")] == [
        "disk./.usageGB", "disk./tmp.usageGB"
    ]  # fmt: skip
    assert Sampler(2**22 + 5).sample()["memory_percent"] > 0  # the process is gone


@pytest.mark.parametrize(
    ("code", "ending"),
    [
        ("import os; os._exit(3)", ("crashed", "the process called os._exit(3)", 3)),
        ("import os; os.kill(os.getpid(), 9)", ("crashed", "killed by SIGKILL (signal 9)", None)),
        ("import os; os.kill(os.getpid(), 15)", ("killed", "killed by SIGTERM (signal 15)", None)),
    ],
)
@pytest.mark.parametrize("reap_first", [False, True])
def test_the_cause_of_a_death(
    code: str, ending: tuple[str, str, int | None], reap_first: bool
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", "input(); " + code], stdin=subprocess.PIPE, text=True
    )
    watch = death.Watch(process.pid)
    assert death.is_running(process.pid)
    assert abs(death.started_us(process.pid) - wall_us()) < 60e6
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.close()
    if reap_first:
        process.wait()
        found = watch.ending()
        if found.cause == "the process disappeared":
            pytest.skip("this kernel does not tell the status of a reaped process")
    else:
        found = watch.ending(wait_s=20)
        process.wait()
    assert found == ending
    assert not death.is_running(process.pid)
