"""Filter and sort of 10,000 runs with 40 config and 40 summary values each, as the server's list asks them.

`page` is the whole question: total, matching, and the first 50 runs with their config and summary. Best of 7.
"""

from __future__ import annotations

import json
import random
import sys
import time
from typing import Any

from _server import workplace

from kiseki.core.query import filters
from kiseki.record.codec import encode_value
from kiseki.storage.embedded import tables
from kiseki.storage.embedded.meta import EmbeddedMeta
from kiseki.storage.embedded.runs_query import find_numbers
from kiseki.storage.interface import Project

RUNS = 10_000
VALUES = 40
PAGE = 50
ROUNDS = 7
NOW_US = 1_700_000_000_000_000

QUESTIONS = {
    "all": ("", ""),
    "sort_summary": ("", "-summary.value7"),
    "filter_summary": ("summary.value7>0.5", ""),
    "filter_two_sort": ("config.key3<0.5 config.key4:adam", "-summary.value7,config.key1"),
    "word": ("river", "name"),
    "not_or": ("not (value3<0.2 or state:failed) tags:even", "-created"),
}


def fill(meta: EmbeddedMeta) -> Project:
    """Write the tables as ten thousand runs leave them; run by run it would take minutes."""
    user = meta.add_user("ada", is_admin=True, now_us=NOW_US)
    project = meta.make_project("ada", "digits", NOW_US)
    rng = random.Random(7)
    names = [f"config.key{i}" for i in range(VALUES)] + [f"summary.value{i}" for i in range(VALUES)]
    runs: list[dict[str, Any]] = []
    parts: list[dict[str, Any]] = []
    cells: list[dict[str, Any]] = []
    tags: list[dict[str, Any]] = []
    for number in range(1, RUNS + 1):
        is_even = number % 2 == 0
        runs.append(
            {
                "number": number, "project": project.number, "id": f"run{number}", "user": user.number,
                "color": 0, "created_us": NOW_US + number, "attempt": number, "ordinal": 1,
                "history": 2 * number, "system": 2 * number + 1, "cause": "", "notes": "", "group": "",
                "state": rng.choice(["finished", "failed", "running"]), "job_type": "", "host": "lab",
                "name": f"{rng.choice(['quiet', 'loud'])}-{rng.choice(['river', 'sea'])}-{number}",
                "tags": '["even"]' if is_even else "[]", "pid": 0, "program": "train.py",
                "started_us": NOW_US, "runtime_us": 0, "rows": 0, "next_step": 0,
            }
        )  # fmt: skip
        if is_even:
            tags.append({"run": number, "tag": "even"})
        values = {
            name: rng.choice(["adam", "sgd"]) if name.endswith("4") else rng.random()
            for name in names
        }
        for at, value in enumerate(values.values(), 1):
            is_text = isinstance(value, str)
            cells.append(
                {"path": at, "run": number, "num": None if is_text else value,
                 "text": value if is_text else None}
            )  # fmt: skip
        for part in ("config", "summary"):
            tree = {k.partition(".")[2]: v for k, v in values.items() if k.startswith(part)}
            parts.append({"attempt": number, "name": part, "data": encode_value(tree)})
    attempts = [
        {"number": run["number"], "run": run["number"], "ordinal": 1, "history": run["history"],
         "system": run["system"], "stream": "s", "state": run["state"], "started_us": NOW_US, "rows": 0}
        for run in runs
    ]  # fmt: skip
    paths = [
        {"number": at, "project": project.number, "name": name} for at, name in enumerate(names, 1)
    ]
    cells.sort(key=lambda cell: (cell["path"], cell["run"]))
    with meta._write() as connection:
        for table, rows in (
            (tables.run, runs), (tables.attempt, attempts), (tables.path, paths), (tables.run_cell, cells),
            (tables.run_tag, tags), (tables.attempt_part, parts),
        ):  # fmt: skip
            connection.execute(table.insert(), rows)
    return project


def main() -> None:
    figures: dict[str, float] = {}
    with workplace() as folder:
        meta = EmbeddedMeta(folder / "meta.db")
        began = time.perf_counter()
        project = fill(meta)
        print(f"filled in {time.perf_counter() - began:.0f} s", file=sys.stderr)
        for name, (text, sort) in QUESTIONS.items():
            where, order = filters.parse(text), filters.parse_sort(sort)
            found, page = [], []
            for _ in range(ROUNDS):
                began = time.perf_counter()
                with meta._read() as connection:
                    find_numbers(connection, project.number, where, order, limit=PAGE)
                found.append((time.perf_counter() - began) * 1e3)
                began = time.perf_counter()
                meta.find_runs(project.number, where, order, limit=PAGE)
                page.append((time.perf_counter() - began) * 1e3)
            figures[f"{name}_ms"] = round(min(found), 1)
            figures[f"{name}_page_ms"] = round(min(page), 1)
        for name, ask in (("fields", meta.fields), ("metrics", meta.metrics)):
            began = time.perf_counter()
            ask(project.number)
            figures[f"{name}_ms"] = round((time.perf_counter() - began) * 1e3, 1)
        meta.close()
    goals = {"sort_summary_ms": ["<=", 30], "filter_summary_ms": ["<=", 30]}
    print(json.dumps({"name": "runs_table", "figures": figures, "goals": goals}))


if __name__ == "__main__":
    main()
