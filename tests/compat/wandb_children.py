"""What the children of `test_wandb_client.py` run: scripts that know only the official `wandb` client.

python -m tests.compat.wandb_children NAME ARGUMENTS…      answers with one line of JSON, its last
"""

from __future__ import annotations

import json
import math
import os
import random
import string
import sys
import threading
import time
from pathlib import Path
from typing import Any

PROJECT = "digits"
ROWS = 10_000


def rows(seed: int, count: int) -> list[dict[str, Any]]:
    """Return rows with everything that is hard to keep: the same ones for the same seed."""
    chance = random.Random(seed)
    special = [math.nan, math.inf, -math.inf, 0.1 + 0.2, 5e-324, -0.0, 1e308]
    large = [2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63), 0]
    found = []
    for index in range(count):
        row: dict[str, Any] = {
            "loss": chance.gauss(0, 1),
            "odd": special[index % len(special)],
            "count": large[index % len(large)],
            "nest": {"a": index, "deep": {"b": chance.random(), "flag": index % 2 == 0}},
        }
        if index % 3 == 0:
            row["text"] = "".join(chance.choices(string.printable + "äß漢🎉", k=12))
        if index % 7 == 0:
            row["list"] = [index, None, "x", chance.random()]
        if index % 11 == 0:
            row["a/b.c"] = index / 11
        found.append(row)
    return found


def spelled(value: Any) -> str:
    """Return a text that is equal for equal values alone: NaN is one, 1 is not 1.0."""
    return json.dumps(value, sort_keys=True)


def settings(**more: Any) -> Any:
    import wandb

    return wandb.Settings(
        **{"x_file_stream_transmit_interval": 0.2, "x_disable_stats": True, "silent": True, **more}
    )


def begin(run: str, **options: Any) -> Any:
    import wandb

    more = options.pop("settings", {})
    return wandb.init(project=PROJECT, id=run, settings=settings(**more), **options)


def say(**found: Any) -> None:
    print(json.dumps(found), flush=True)


def plain(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if not key.startswith("_")}


def as_sent(value: Any) -> Any:
    """Return a value as the client's own encoder spells it: whole floats without their point."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return int(value)
    if isinstance(value, dict):
        return {key: as_sent(item) for key, item in value.items()}
    return [as_sent(item) for item in value] if isinstance(value, list) else value


def unwrapped(value: Any) -> Any:
    """Return what the client's API gives, without the classes it puts around."""
    if hasattr(type(value), "keys"):
        return {key: unwrapped(value[key]) for key in value.keys()}  # noqa: SIM118
    return [unwrapped(item) for item in value] if isinstance(value, (list, tuple)) else value


def read(run: str) -> Any:
    import wandb

    return wandb.Api().run(f"ada/{PROJECT}/{run}")


# ── scripts ──


def values(run: str) -> None:
    """Log many rows, read them back through the client's own API."""
    live = begin(run, config={"lr": 0.1, "big": 2**60, "nan": math.nan, "nest": {"a": [1, None]}})
    for row in rows(1, ROWS):
        live.log(row)
    live.finish()
    folder = Path(live.dir).parent
    found = read(run)
    back = list(found.scan_history())
    wanted = rows(1, ROWS)
    wrong = [
        (index, row, plain(other))
        for index, (row, other) in enumerate(zip(wanted, back, strict=False))
        if spelled(as_sent(row)) != spelled(as_sent(plain(other)))
    ]
    chosen = [row["nest.a"] for row in found.scan_history(keys=["nest.a"])]
    say(
        count=len(back),
        wrong=repr(wrong[:3]) if wrong else "",
        steps=[row["_step"] for row in back] == list(range(ROWS)),
        chosen=chosen == list(range(ROWS)),
        sampled=len(found.history(samples=100, pandas=False)),
        last=found.lastHistoryStep,
        state=found.state,
        config=repr(unwrapped(found.config)),
        folder=str(folder),
    )


def many(prefix: str, count: str) -> None:
    """Log into several runs at once, each from a thread of its own."""
    import wandb

    wandb.setup()

    def work(index: int) -> None:
        live = begin(f"{prefix}{index}", reinit="create_new", group="many", config={"index": index})
        for row in rows(index, 100):
            live.log(row)
        live.finish()

    threads = [threading.Thread(target=work, args=(index,)) for index in range(int(count))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    say(count=len(threads))


def steps(run: str, first: str, count: str, options: str) -> None:
    """Log `count` rows from a number on, into a run that is opened with these options."""
    given = json.loads(options)
    live = begin(run, **given)
    for index in range(int(first), int(first) + int(count)):
        live.log({"x": index})
    folder = str(Path(live.dir).parent)
    summary = unwrapped(live.summary)
    config = unwrapped(live.config)
    offset = live.starting_step
    live.finish()
    say(folder=folder, summary=summary, config=config, starting_step=offset)


def listed(runs: str) -> None:
    """Make several short runs: `[[id, first, options], …]`."""
    for id, first, options in json.loads(runs):
        live = begin(id, **options)
        live.log({"x": first})
        live.log({"x": first + 1})
        live.finish()
    say(done=True)


def refused(run: str, options: str) -> None:
    """Open a run that must not be opened, and tell what the client said of it."""
    try:
        begin(run, **json.loads(options))
    except Exception as error:  # what the client raises is its own
        say(error=f"{type(error).__name__}: {error}")
    else:
        say(error="")
    os._exit(0)


def killed(run: str) -> None:
    """Log rows and wait to be killed."""
    live = begin(run, settings={"x_file_stream_transmit_interval": 0.2})
    for index in range(50):
        live.log({"x": index})
    say(folder=str(Path(live.dir).parent))
    time.sleep(300)


def paced(run: str, count: str, seconds: str) -> None:
    """Log one row after another, slowly; they are sent as they come (less than 1 s is taken for 15)."""
    live = begin(run, settings={"x_file_stream_transmit_interval": 1})
    say(folder=str(Path(live.dir).parent))
    for index in range(int(count)):
        live.log({"x": index})
        time.sleep(float(seconds))
    live.finish()
    say(done=True)


def stopped(run: str) -> None:
    """Log until somebody stops the run from outside."""
    live = begin(run)
    say(started=True)
    began = time.monotonic()
    try:
        while time.monotonic() - began < 60:
            live.log({"x": 1})
            time.sleep(0.1)
    except KeyboardInterrupt:
        say(interrupted=True)
    else:
        say(interrupted=False)
    live.finish(exit_code=255)


def everything(run: str) -> None:
    """Use what a script uses: notes, tags, console, summary, files, alerts, media, metrics."""
    import numpy as np
    import wandb

    Path("kept.txt").write_text("kept\n")
    Path("näme & 100%+?.txt").write_text("odd name\n")
    live = begin(
        run,
        tags=["a", "b"],
        notes="first",
        name="a name",
        group="g",
        job_type="train",
        config={"lr": 0.1, "gone": 1},
        save_code=True,
        settings={
            "console": "wrap",
            "x_disable_stats": False,
            "x_stats_sampling_interval": 0.1,
            "disable_code": False,
            "x_save_requirements": True,
        },
    )
    live.define_metric("acc", summary="max")
    live.define_metric("val/*", step_metric="epoch")
    live.define_metric("low", summary="min,last")
    for index in range(20):
        acc = 1 - abs(index - 10) / 10
        live.log({"acc": acc, "low": acc, "val/loss": index * 2.0, "epoch": index // 2})
        print(f"\rprogress {index}", end="", file=sys.stdout, flush=True)
    print()
    print("a line")
    print("an error", file=sys.stderr)
    live.config.update({"lr": 0.2, "new": [1, 2]}, allow_val_change=True)
    live.tags = (*live.tags, "c")
    live.notes = "second"
    live.name = "another name"
    live.summary["by hand"] = {"deep": 2**60}
    live.summary["text"] = "done"
    picture = np.zeros((8, 8, 3), dtype=np.uint8)
    live.log(
        {
            "picture": wandb.Image(picture, caption="black"),
            "pictures": [wandb.Image(picture), wandb.Image(picture + 255)],
            "histogram": wandb.Histogram([1, 2, 2, 3]),
            "page": wandb.Html("<p>hello</p>"),
        }
    )
    live.save("kept.txt")
    live.save("näme & 100%+?.txt")
    live.alert(title="Low", text="the loss is low", level=wandb.AlertLevel.WARN)
    time.sleep(1.0)  # a few samples of the machine
    live.finish()
    folder = Path(live.dir).parent
    found = read(run)
    downloaded = {}
    for name in ("kept.txt", "näme & 100%+?.txt", "output.log"):
        with found.file(name).download(root="downloaded", replace=True) as file:
            downloaded[name] = file.read()
    say(
        folder=str(folder),
        name=found.name,
        notes=found.notes,
        tags=sorted(found.tags),
        group=found.group,
        job_type=found.job_type,
        config=unwrapped(found.config),
        summary=unwrapped(found.summary),
        state=found.state,
        files=sorted(file.name for file in found.files()),
        few=[file.name for file in found.files(names=["kept.txt"])],
        like=[file.name for file in found.files(pattern="media/%")],
        downloaded=downloaded,
        samples=len(found.history(stream="system", pandas=False)),
        system=sorted(found.system_metrics),
        metadata=sorted(found.metadata or {}),
        user=found.user.username,
        keys=found.history_keys,
    )


def edited(run: str) -> None:
    """Change an ended run through the client's API, then delete it."""
    found = read(run)
    found.config["added"] = {"deep": 1}
    found.tags = ["x", "y"]
    found.notes = "edited"
    found.name = "renamed"
    found.group = "other"
    found.summary["score"] = 3
    found.update()
    again = read(run)
    say_of = {
        "config": unwrapped(again.config),
        "tags": sorted(again.tags),
        "notes": again.notes,
        "name": again.name,
        "group": again.group,
        "score": again.summary["score"],
        "rows": len(list(again.scan_history())),
        "state": again.state,
    }
    Path("more.txt").write_text("more")
    again.upload_file("more.txt")
    say_of["file"] = read(run).file("more.txt").size
    read(run).file("more.txt").delete()
    say_of["files"] = [file.name for file in read(run).files(names=["more.txt"])]
    again.delete()
    try:
        read(run)
    except Exception as error:  # the client's own
        say_of["deleted"] = str(error)
    say(**say_of)


def asked(queries: str) -> None:
    """Answer questions to `Api.runs`: [[filters, order], …] → the ids that are found."""
    import wandb

    api = wandb.Api()
    found: list[Any] = []
    for filters, order in json.loads(queries):
        try:
            runs = api.runs(f"ada/{PROJECT}", filters=filters, order=order, per_page=3)
            found.append([run.id for run in runs])
        except Exception as error:  # the client's own
            found.append(f"{type(error).__name__}: {error}")
    say(found=found)


def back(run: str) -> None:
    """Tell what the client's API says of a run."""
    found = read(run)
    lines = list(found.scan_history())
    say(
        x=[row.get("x") for row in lines],
        steps=[row["_step"] for row in lines],
        state=found.state,
        summary=unwrapped(found.summary),
        config=unwrapped(found.config),
        name=found.name,
        notes=found.notes,
        tags=sorted(found.tags),
    )


def shared(run: str, label: str, count: str) -> None:
    """Be one of several writers of a run."""
    live = begin(run, settings={"mode": "shared", "x_label": label, "x_primary": label == "first"})
    for index in range(int(count)):
        live.log({label: index})
        print(f"{label} {index}")
        time.sleep(0.05)
    live.finish()
    say(done=True)


def large(run: str) -> None:
    """Log lines of several megabytes, and lines in compressed bodies."""
    live = begin(run, settings={"x_file_stream_no_gzip": False})
    for index in range(4):
        live.log({"x": index, "long": str(index) * 3_000_000})
    live.finish()
    found = read(run)
    sizes = [len(row["long"]) for row in found.scan_history()]
    say(sizes=sizes, folder=str(Path(live.dir).parent))


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
