"""A group commit: each request gets what came of its own item, whatever happens to the others."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from kiseki.server.together import Together


def test_items_that_come_while_one_is_done_are_done_in_one_go() -> None:
    groups: list[list[int]] = []
    first, may_end = threading.Event(), threading.Event()

    def work(items: Sequence[int]) -> list[int | Exception]:
        groups.append(list(items))
        first.set()
        may_end.wait(10)
        return [ValueError(str(item)) if item % 10 == 7 else item * 2 for item in items]

    async def main() -> list[int | BaseException]:
        together = Together(work)
        one = asyncio.create_task(together.do(1))
        await asyncio.to_thread(first.wait, 10)
        others = [asyncio.create_task(together.do(item)) for item in range(2, 20)]
        gone = asyncio.create_task(together.do(99))
        await asyncio.sleep(0)
        gone.cancel()
        may_end.set()
        return await asyncio.gather(one, *others, return_exceptions=True)

    found = asyncio.run(main())
    assert groups[0] == [1]
    assert [item for group in groups[1:] for item in group] == [*range(2, 20), 99]
    assert len(groups) == 2
    for item, answer in zip(range(1, 20), found, strict=True):
        if item % 10 == 7:
            assert isinstance(answer, ValueError) and str(answer) == str(item)
        else:
            assert answer == item * 2


def test_what_the_work_raises_is_told_to_its_group_and_the_next_goes_on() -> None:
    calls = 0

    def work(items: Sequence[int]) -> list[int | Exception]:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise OSError("no disk")
        return list(items)

    async def main() -> int:
        together = Together(work)
        with pytest.raises(OSError, match="no disk"):
            await together.do(1)
        return await together.do(2)

    assert asyncio.run(main()) == 2
