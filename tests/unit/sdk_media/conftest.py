from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kiseki.record.types import File
from tests.unit.sdk.recording import Recording


class Logged(Recording):
    """A `Rows` with a real journal, and what came of the media logged to it."""

    def value(self, media: Any, key: str = "m", step: int | None = None) -> Any:
        """Log one value in a row of its own; return what the row holds, its files checked."""
        self.log({key: media}, step=step, commit=True)
        self.check_files()
        return self.values()[-1][key.replace(".", "\\.")]

    def bytes_of(self, value: dict[str, Any]) -> bytes:
        return (self.files / value["path"]).read_bytes()

    def file_records(self) -> list[File]:
        return [record for record in self.records() if isinstance(record, File)]

    def check_files(self) -> None:
        """Every record tells the truth about a file that stands, and no draft is left (M-00)."""
        for record in self.file_records():
            data = (self.files / record.path).read_bytes()
            assert record.policy == "now" and record.size == len(data)
            assert record.sha256 == hashlib.sha256(data).hexdigest()
        assert not list(self.tmp.iterdir())


@pytest.fixture
def logged(tmp_path: Path) -> Iterator[Logged]:
    made = Logged(tmp_path)
    yield made
    made.stream.close()
