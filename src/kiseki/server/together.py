"""What many requests want done at the same time is done in one go: a group commit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from starlette.concurrency import run_in_threadpool

T = TypeVar("T")
R = TypeVar("R")


class Together(Generic[T, R]):
    """Does the same work on what many requests bring; for one event loop.

    While a thread is at work the next requests gather, and are the next group. `work` returns for each item
    what comes of it, or the error that its request is answered with; what it raises, all of a group are told.
    """

    def __init__(self, work: Callable[[Sequence[T]], Sequence[R | Exception]]) -> None:
        self._work = work
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._serving: asyncio.Task[None] | None = None

    async def do(self, item: T) -> R:
        """Return what comes of an item once its group is done."""
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._serving is None:
            self._serving = asyncio.create_task(self._serve())
        return await future

    async def _serve(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting, []
            found: Sequence[R | Exception]
            try:
                found = await run_in_threadpool(self._work, [item for item, _ in group])
            except Exception as error:  # the answer to each of the requests
                found = [error] * len(group)
            for (_, future), one in zip(group, found, strict=True):
                if future.done():  # whoever asked went away
                    continue
                if isinstance(one, Exception):
                    future.set_exception(one)
                else:
                    future.set_result(one)
        self._serving = None
