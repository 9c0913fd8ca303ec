"""A process to be killed: appends rows to a store for ever, compacting beside it.

Prints `stream rows` after each append that returned. Rows are numbered by their step, per stream (= segment).
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

from kiseki.storage.embedded.series import EmbeddedSeries
from kiseki.storage.interface import Line
from tests.contract.stream_writer import StreamWriter

STREAMS = 3
ROWS = 20


def go_on(store: EmbeddedSeries, number: int) -> tuple[StreamWriter, int]:
    """Return a stream's writer as it was left, and its next row."""
    writer = StreamWriter(f"s{number}")
    writer.next = store.cursor(1, writer.name)
    writer.shapes = {paths: shape for shape, paths in store.shapes(1, writer.name).items()}
    return writer, store.rows(1, [number])[number]


def main(folder: Path) -> None:
    store = EmbeddedSeries(folder)
    writers = [go_on(store, number) for number in range(STREAMS)]

    def compact() -> None:
        turn = 0
        while True:
            turn += 1
            store.applied(1, {w.name: store.cursor(1, w.name) for w, _ in writers})
            store.compact(1, idle=turn % 2 == 0)

    threading.Thread(target=compact, daemon=True).start()
    while True:
        batches = []
        for number, (writer, row) in enumerate(writers):
            rows = [(i, {"x": float(i), "y": i}) for i in range(row, row + ROWS)]
            lines = [Line("stdout", row, 0, str(row))]
            batches.append(writer.batch(number, rows, lines=lines))
            writers[number] = (writer, row + ROWS)
        store.append(1, batches)
        print(" ".join(str(row) for _, row in writers), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
