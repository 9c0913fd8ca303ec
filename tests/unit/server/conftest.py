from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kiseki.core import access
from kiseki.storage.embedded.meta import EmbeddedMeta
from kiseki.storage.interface import Storage
from kiseki.storage.memory.blobs import MemoryBlobs
from kiseki.storage.memory.series import MemorySeries
from tests.unit.server.asgi import Door

KEY = "ksk_testtest" + "0123456789abcdef" * 3


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    made = Storage(EmbeddedMeta(tmp_path / "meta.db"), MemorySeries(), MemoryBlobs())
    access.ensure_first_user(made.meta, "ada", key=KEY)
    yield made
    made.close()


@pytest.fixture
def door(storage: Storage) -> Iterator[Door]:
    made = Door(storage)
    yield made
    made.core.close()


@pytest.fixture
def bearer() -> dict[str, str]:
    return {"authorization": f"Bearer {KEY}"}
