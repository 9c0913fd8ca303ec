"""A training script for fault tests: logs numbered rows and notes outside Kiseki how far it came.

    python trainer.py PROGRESS_FILE PROJECT RUN_ID ROWS ROWS_PER_SECOND

PROGRESS_FILE holds a u64: the number of `log()` calls that have returned (written with pwrite, so it survives
kill -9 like the rows do). A rate of 0 means as fast as possible.
"""

from __future__ import annotations

import os
import struct
import sys
import time

import kiseki


def main() -> None:
    path, project, run_id, rows, rate = sys.argv[1:6]
    progress = os.open(path, os.O_RDWR | os.O_CREAT)
    run = kiseki.init(project=project, id=run_id)
    began = time.monotonic()
    for i in range(int(rows)):
        run.log({"i": i, "loss": 1 / (i + 1), "nested": {"half": i / 2}, "text": f"row {i}"})
        os.pwrite(progress, struct.pack("<Q", i + 1), 0)
        if float(rate) and i % 20 == 19:
            time.sleep(max(0.0, began + (i + 1) / float(rate) - time.monotonic()))
    run.finish()


if __name__ == "__main__":
    main()
