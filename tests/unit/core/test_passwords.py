"""reliability 5.5: how passwords are kept, and which are refused."""

from __future__ import annotations

import threading

import pytest

from kiseki.core.people import passwords
from kiseki.core.people.passwords import Passwords, check_password, pieces
from kiseki.errors import Busy, Invalid

GOOD = "nine lanterns over the bay"


@pytest.mark.parametrize(
    "password",
    [
        "", "short", "elevenchars", "password1234", "P@ssw0rd1234", "iloveyou2024!", "qwertyuiop12",
        "correcthorsebatterystaple", "abcabcabcabc", "aaaaaaaaaaaa", "123456789012", "Dragon2024!!",
        "1q2w3e4r5t6y", "1qaz2wsx3edc", "zyxwvutsrqpo", "adaadaada123", "kiseki-kiseki", "summerwinter1",
        "letmeinletmein", "x" * 513,
    ],
)  # fmt: skip
def test_what_is_easy_to_guess_is_refused(password: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_password(password, "ada")
    assert refused.value.extra["code"] == "password"
    assert not password or password not in str(refused.value)


@pytest.mark.parametrize(
    "password", [GOOD, "x7Kp2mQ9vL4z", "horse-cabbage-lamp-tree", "ßéåøπ€漢字仮名テス"]
)
def test_what_is_not_is_taken(password: str) -> None:
    check_password(password, "ada")


def test_pieces() -> None:
    assert [pieces(text) for text in ("", "a", "ab", "abc", "dragon", "dragon1", "xyxy", "321")] == [
        0, 1, 2, 1, 1, 2, 3, 1,
    ]  # fmt: skip
    assert pieces("zephyrine!", "zephyrine") == 2


def test_hashes_are_argon2id_with_the_cost_of_the_decision() -> None:
    kept = Passwords()
    stored = kept.hash(GOOD)
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=1$")
    assert kept.hash(GOOD) != stored and GOOD not in stored
    assert kept.verify(stored, GOOD) and not kept.verify(stored, GOOD + "x")
    assert not kept.verify(None, GOOD) and not kept.verify("spoiled", GOOD)
    assert not kept.is_outdated(stored)
    assert kept.is_outdated(Passwords(memory_kib=64).hash(GOOD))


def test_nobody_knows_the_password_of_nobody() -> None:
    assert not Passwords(memory_kib=64, passes=1).verify(None, "nobody has this password")


def test_few_are_hashed_at_once_and_few_wait() -> None:
    """64 MiB each, and each occupies a worker thread."""
    kept = Passwords(memory_kib=64, passes=1)
    go, seen, peak = threading.Event(), [0], [0]
    lock = threading.Lock()

    class Slow:
        def hash(self, _password: str) -> str:
            with lock:
                seen[0] += 1
                peak[0] = max(peak[0], seen[0])
            go.wait(10)
            with lock:
                seen[0] -= 1
            return "hash"

    kept._hasher = Slow()  # type: ignore[assignment]
    places = passwords.AT_ONCE_MAX + passwords.WAITING_MAX
    answers: list[object] = []

    def ask() -> None:
        try:
            answers.append(kept.hash("x"))
        except Busy as busy:
            answers.append(busy)

    threads = [threading.Thread(target=ask) for _ in range(places + 3)]
    for thread in threads:
        thread.start()
    for thread in threads[::-1]:
        while len(answers) < 3:
            thread.join(0.01)
    go.set()
    for thread in threads:
        thread.join()
    assert peak[0] == passwords.AT_ONCE_MAX
    assert sum(isinstance(answer, Busy) for answer in answers) == 3
    assert answers.count("hash") == places
