"""Threads, signals, forked and spawned children of a run (T-01 … T-04)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kiseki.record.types import Finish, Open, Row
from tests.e2e.run_scripts import folders, journal, of, only_folder, run_script
from tests.unit.sdk.recording import records_of


def all_journals(folder: Path) -> list[list[Any]]:
    return [records_of(path) for path in sorted(folder.glob("run-*.kslog"))]


def all_values(folder: Path) -> list[Any]:
    return [row.values[0] for records in all_journals(folder) for row in of(records, Row)]


def test_a_forked_child_logs_to_its_parents_run() -> None:  # T-02, T-04
    done = run_script(
        """
        import os, sys, threading, kiseki
        run = kiseki.init(id="parent", config={"a": 1})
        stop = threading.Event()
        def busy():
            while not stop.is_set():
                run.log({"thread": 0})
        threads = [threading.Thread(target=busy) for _ in range(3)]
        [t.start() for t in threads]
        children = []
        for n in range(6):
            pid = os.fork()
            if pid == 0:  # while other threads hold the lock
                kiseki.log({"child": 1000 + n})
                run.summary["by child"] = n
                run.config["child %d" % n] = run.config["a"]
                print("printed by a child")
                if n % 3 == 0:
                    run.finish()
                if n % 3 == 1:
                    os._exit(0)
                sys.exit(7)
            children.append(pid)
        codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
        assert codes == [7, 0, 7, 7, 0, 7], codes
        stop.set()
        [t.join() for t in threads]
        run.log({"end": 5000})
        """
    )
    assert done.returncode == 0, done.stderr
    folder = only_folder()
    journals = all_journals(folder)
    assert len(journals) == 7
    values = all_values(folder)
    assert sorted(v for v in values if v >= 1000) == [*range(1000, 1006), 5000]
    streams = [of(records, Open)[0] for records in journals]
    assert len({opening.stream for opening in streams}) == 7
    assert [opening.primary for opening in streams].count(True) == 1
    (finish,) = [record for records in journals for record in of(records, Finish)]
    assert finish.exit_code == 0


def test_init_in_a_forked_child_is_a_new_run() -> None:  # T-03
    done = run_script(
        """
        import os, sys, kiseki
        run = kiseki.init(id="parent")
        run.log({"a": 0})
        if os.fork() == 0:
            with kiseki.init(id="child") as own:
                assert own is not run and kiseki.run is own
                own.log({"a": 1})
            sys.exit(0)
        os.wait()
        run.log({"a": 2})
        """
    )
    assert done.returncode == 0, done.stderr
    by_id = {folder.name.split("-")[-1]: all_values(folder) for folder in folders()}
    assert by_id == {"parent": [0, 2], "child": [1]}


def test_multiprocessing_forked_and_spawned() -> None:  # T-02
    done = run_script(
        """
        import multiprocessing, pickle, sys, kiseki

        def work(run, n):
            for i in range(5):
                run.log({"n": n, "i": i})
            run.summary["from %d" % n] = True
            assert run.config["lr"] == 0.1 and run.id == "parent" and run.name == "a name"

        if __name__ == "__main__":
            run = kiseki.init(id="parent", name="a name", config={"lr": 0.1})
            run.log({"n": -1})
            assert pickle.loads(pickle.dumps(run)) is run
            children = [
                multiprocessing.get_context(how).Process(target=work, args=(run, n))
                for n, how in enumerate(["fork", "spawn", "spawn"])
            ]
            [c.start() for c in children]
            [c.join() for c in children]
            assert [c.exitcode for c in children] == [0, 0, 0]
            run.finish()
        """
    )
    assert done.returncode == 0, done.stderr
    folder = only_folder()
    assert sorted(all_values(folder)) == [-1] + [0] * 5 + [1] * 5 + [2] * 5
    assert sum(len(of(records, Finish)) for records in all_journals(folder)) == 1


def test_signal_handlers_and_finalizers_may_log() -> None:
    done = run_script(
        """
        import gc, signal, kiseki
        run = kiseki.init()
        n = [0, 0]
        def handler(*_):
            n[0] += 1
            run.log({"signal": n[0]})
            print("in the handler")
        signal.signal(signal.SIGALRM, handler)
        class Loud:
            def __init__(self): self.me = self
            def __del__(self):
                n[1] += 1
                run.log({"del": n[1]})
        gc.set_threshold(50)
        signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
        for i in range(20000):
            run.log({"i": i})
            if i % 10 == 0:
                Loud()
        signal.setitimer(signal.ITIMER_REAL, 0)
        gc.collect()
        run.finish()
        print("counts", *n)
        """
    )
    assert done.returncode == 0, done.stderr
    rows = of(journal(only_folder()), Row)
    signals, deletions = map(int, done.stdout.rsplit("counts", 1)[1].split())
    assert signals > 0 and deletions == 2000
    logged = {
        key: [r.values[0] for r in rows if r.paths == (key,)] for key in ("i", "signal", "del")
    }
    assert logged["i"] == list(range(20000))
    assert sorted(logged["signal"]) == list(range(1, signals + 1))
    assert sorted(logged["del"]) == list(range(1, deletions + 1))
    assert len({row.step for row in rows}) == len(rows)


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_a_child_of_multiprocessing_ends_its_own_run(method: str) -> None:  # T-03, F-20
    done = run_script(
        """
        import multiprocessing, os, sys, kiseki
        def train(how):
            run = kiseki.init(id=how)
            run.log({"a": 1})
            if how == "raises":
                raise ValueError("expected")
            if how == "exits":
                sys.exit(3)
            if how == "caught":
                try:
                    sys.exit(3)
                except SystemExit:
                    pass
        if __name__ == "__main__":
            context = multiprocessing.get_context(os.environ["METHOD"])
            children = [
                context.Process(target=train, args=(how,))
                for how in ("returns", "raises", "exits", "caught")
            ]
            [child.start() for child in children]
            [child.join() for child in children]
            print([child.exitcode for child in children])
        """,
        {"METHOD": method},
    )
    assert done.returncode == 0 and done.stdout == "[0, 1, 3, 0]\n", done.stderr
    found = {}
    for folder in folders():
        records = journal(folder)
        found[of(records, Open)[0].run] = [end.exit_code for end in of(records, Finish)]
    assert found == {"returns": [0], "raises": [1], "exits": [3], "caught": [0]}


def test_the_last_line_says_whose_rows_it_counts() -> None:  # F-07
    done = run_script(
        """
        import os, kiseki
        run = kiseki.init()
        run.log({"a": 1})
        if os.fork() == 0:
            for i in range(5):
                run.log({"a": i})
            os._exit(0)
        os.wait()
        run.finish()
        kiseki.init().finish()
        """
    )
    assert done.returncode == 0, done.stderr
    assert "1 row of this process recorded in" in done.stderr and "0 rows recorded" in done.stderr
