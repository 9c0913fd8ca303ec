"""System metrics of the machine and of the training process (G-06)."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kiseki.uploader.gpu import Gpus

if TYPE_CHECKING:
    from kiseki.uploader.open_metrics import OpenMetrics

_MB = 1024 * 1024
_GB = 1024 * _MB


class Sampler:
    """Takes samples; rates are over the time since the sample before.

    Args:
        pid: the training process.
        disk_paths: folders of the file systems whose usage is shown.
        gpus: numbers of the GPUs that are watched; None: all.
        pages: OpenMetrics pages that are sampled too.
    """

    def __init__(
        self,
        pid: int,
        disk_paths: Sequence[str] = ("/",),
        gpus: Sequence[int] | None = None,
        pages: OpenMetrics | None = None,
    ) -> None:
        import psutil  # 25 ms to load, so only where it is used

        self._psutil: Any = psutil
        self._disk_paths = tuple(disk_paths)
        self._gpus = Gpus(gpus)
        self._pages = pages
        self._process: Any = None
        with contextlib.suppress(psutil.Error, ValueError):
            self._process = psutil.Process(pid)
            self._process.cpu_percent()
        psutil.cpu_percent(percpu=True)
        self._network0 = self._counters(psutil.net_io_counters)
        self._disk0 = self._counters(psutil.disk_io_counters)

    def describe_gpus(self) -> dict[str, Any]:
        """Return the GPU facts of `wandb-metadata.json`."""
        return self._gpus.describe()

    def sample(self) -> dict[str, float]:
        """Return the metrics by key path; what the machine does not tell is left out."""
        psutil = self._psutil
        values: dict[str, float] = {}
        memory = psutil.virtual_memory()
        for index, percent in enumerate(psutil.cpu_percent(percpu=True)):
            values[f"cpu.{index}.cpu_percent"] = percent
        values["memory_percent"] = memory.percent
        values["proc.memory.availableMB"] = memory.available / _MB
        for path in self._disk_paths:
            with contextlib.suppress(OSError):
                usage = psutil.disk_usage(path)
                place = path.replace("\\", "\\\\").replace(".", "\\.")
                values[f"disk.{place}.usagePercent"] = usage.percent
                values[f"disk.{place}.usageGB"] = usage.used / _GB
        values.update(self._process_values())
        values.update(self._traffic())
        values.update(self._gpus.sample())
        if self._pages is not None:
            values.update(self._pages.sample())
        return values

    def _process_values(self) -> dict[str, float]:
        if self._process is None:
            return {}
        try:
            with self._process.oneshot():
                return {
                    "cpu": self._process.cpu_percent() / (self._psutil.cpu_count() or 1),
                    "proc.memory.rssMB": self._process.memory_info().rss / _MB,
                    "proc.memory.percent": self._process.memory_percent(),
                    "proc.cpu.threads": self._process.num_threads(),
                }
        except self._psutil.Error:
            return {}

    def _traffic(self) -> dict[str, float]:
        values: dict[str, float] = {}
        network = self._counters(self._psutil.net_io_counters)
        if network is not None and self._network0 is not None:
            values["network.sent"] = network.bytes_sent - self._network0.bytes_sent
            values["network.recv"] = network.bytes_recv - self._network0.bytes_recv
        disk = self._counters(self._psutil.disk_io_counters)
        if disk is not None and self._disk0 is not None:
            values["disk.in"] = (disk.read_bytes - self._disk0.read_bytes) / _MB
            values["disk.out"] = (disk.write_bytes - self._disk0.write_bytes) / _MB
        return values

    def _counters(self, question: Any) -> Any:
        try:
            return question()
        except (OSError, RuntimeError, self._psutil.Error):  # a container without these files
            return None
