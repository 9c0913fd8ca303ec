"""Corners of `init` that users come to: what a run that goes on finds of the one before, odd arguments."""

from __future__ import annotations

import numpy as np
import pytest

import kiseki
from tests.e2e.run_scripts import QUIET
from tests.fakes.live_server import LiveServer


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in QUIET.items():
        monkeypatch.setenv(name, value)


def test_media_of_kept_rows_are_files_of_the_run_that_goes_on(logged_in: LiveServer) -> None:
    """I-63, I-66, M-00: what a row shows can be fetched where the row is read."""
    with kiseki.init(project="p", id="one", mode="online") as run:
        for step in range(3):
            run.log({"image": kiseki.Image(np.full((4, 4, 3), step * 40, np.uint8))})
        with open(f"{run.dir}/own.txt", "w") as file:
            file.write("of the first attempt")
        run.save(f"{run.dir}/own.txt", policy="now")
    with kiseki.init(project="p", fork_from="one?_step=1", id="two") as run:
        run.log({"image": kiseki.Image(np.full((4, 4, 3), 200, np.uint8))})
    with kiseki.init(project="p", resume_from="one?_step=0") as run:
        run.log({"loss": 1.0})
    with kiseki.init(project="p", fork_from="two?_step=2", id="three") as run:
        pass
    for id, images in (("one", 1), ("two", 3), ("three", 3)):
        found = kiseki.Api().run(f"p/{id}")
        named = [row["image"] for row in found.history() if "image" in row]
        assert len(named) == images
        for image in named:
            assert len(b"".join(found.file(image["path"]).read())) == image["size"]
        media = [file.path for file in found.files() if file.path.startswith("media/")]
        assert media == [image["path"] for image in named]  # none of rows that were cut off
        assert "own.txt" not in [file.path for file in found.files()]
    kiseki.Api().run("p/two").delete()
    assert len(list(kiseki.Api().run("p/three").file(named[2]["path"]).read())) == 1
