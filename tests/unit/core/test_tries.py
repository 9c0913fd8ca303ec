"""reliability §4: log-in tries, and requests of one key."""

from __future__ import annotations

import pytest

from kiseki.core.people import tries
from kiseki.core.people.tries import Rate, Tries
from kiseki.errors import Busy


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def wait_of(counter: Tries, account: str = "ada", address: str = "a") -> int:
    """Return the seconds a try is told to wait, 0 if it may be made."""
    try:
        counter.take(account, address)
    except Busy as busy:
        return int(busy.extra["retry_after"])  # type: ignore[call-overload]
    return 0


def test_five_tries_then_longer_and_longer() -> None:
    clock = Clock()
    counter = Tries(clock)
    assert [wait_of(counter) for _ in range(7)] == [0, 0, 0, 0, 0, 60, 60]
    waits = []
    for _ in range(6):
        clock.now += wait_of(counter)
        assert wait_of(counter) == 0
        waits.append(wait_of(counter))
    assert waits == [120, 240, 480, 900, 900, 900]
    assert wait_of(counter, address="b") == 0 and wait_of(counter, account="bob") == 0


def test_a_success_and_a_rest_forget() -> None:
    clock = Clock()
    counter = Tries(clock)
    for _ in range(10):
        for _ in range(4):
            assert wait_of(counter) == 0
        counter.succeeded("ada", "a")
    for _ in range(10):  # five a minute are a typing mistake, not an attack
        for _ in range(4):
            assert wait_of(counter) == 0
        clock.now += tries.FIRST_WAIT_S + 1
    for _ in range(6):
        wait_of(counter)
    clock.now += tries.FORGET_S + 1
    assert [wait_of(counter) for _ in range(6)] == [0, 0, 0, 0, 0, 60]


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tries, "KNOWN_MAX", 10)
    counter, rate = Tries(Clock()), Rate(1, 1, Clock())
    for number in range(100):
        wait_of(counter, account=f"{number}")
        rate.take(number, "requests")
    assert len(counter._failed) == 10 == len(rate._full_at)


def test_a_rate_has_a_burst_and_a_refill() -> None:
    clock = Clock()
    rate = Rate(600, 60, clock)
    for _ in range(600):
        rate.take("key", "requests")
    with pytest.raises(Busy) as busy:
        rate.take("key", "requests")
    assert busy.value.extra["retry_after"] == 1
    rate.take("other", "requests")
    clock.now += 1
    for _ in range(10):
        rate.take("key", "requests")
    with pytest.raises(Busy):
        rate.take("key", "requests")
    unlimited = Rate(0, 60, clock)
    for _ in range(1000):
        unlimited.take("key", "requests")
