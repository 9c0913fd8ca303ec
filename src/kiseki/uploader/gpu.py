"""NVIDIA GPUs through the management library, when it is installed (extra `nvidia`)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any


class Gpus:
    """The GPUs of this machine; empty where there are none or the library is missing.

    Args:
        wanted: numbers of those that are watched; None: all.
    """

    def __init__(self, wanted: Collection[int] | None = None) -> None:
        self._handles: list[Any] = []
        self._wanted = wanted
        self._nvml: Any = None
        try:
            import pynvml

            pynvml.nvmlInit()
            count = pynvml.nvmlDeviceGetCount()
            self._handles = [pynvml.nvmlDeviceGetHandleByIndex(i) for i in range(count)]
            self._nvml = pynvml
        except Exception:  # any version of a foreign library, any state of a driver
            self._handles = []

    def describe(self) -> dict[str, Any]:
        """Return names, count, memory and driver version, {} without GPUs."""
        if not self._handles:
            return {}
        nvml = self._nvml
        devices = [
            {
                "name": _text(self._ask(nvml.nvmlDeviceGetName, handle)),
                "memory_total": self._ask(
                    lambda each: nvml.nvmlDeviceGetMemoryInfo(each).total, handle
                ),
            }
            for handle in self._handles
        ]
        return {
            "gpu": devices[0]["name"],
            "gpu_count": len(devices),
            "gpu_devices": devices,
            "cuda": _cuda(self._ask(nvml.nvmlSystemGetCudaDriverVersion_v2)),
        }

    def sample(self) -> dict[str, float]:
        """Return `gpu.<i>.*` of G-06; what a GPU does not tell is left out."""
        values: dict[str, float] = {}
        for index, handle in enumerate(self._handles):
            if self._wanted is not None and index not in self._wanted:
                continue
            for name, value in self._sample_one(handle).items():
                if value is not None:
                    values[f"gpu.{index}.{name}"] = value
        return values

    def _sample_one(self, handle: Any) -> dict[str, float | None]:
        nvml, ask = self._nvml, self._ask
        use = ask(lambda: nvml.nvmlDeviceGetUtilizationRates(handle))
        memory = ask(lambda: nvml.nvmlDeviceGetMemoryInfo(handle))
        power = ask(lambda: nvml.nvmlDeviceGetPowerUsage(handle) / 1000)
        limit = ask(lambda: nvml.nvmlDeviceGetEnforcedPowerLimit(handle) / 1000)
        return {
            "gpu": use and float(use.gpu),
            "memory": use and float(use.memory),
            "memoryAllocated": memory and 100.0 * memory.used / memory.total,
            "memoryAllocatedBytes": memory and memory.used,
            "temp": ask(lambda: nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU)),
            "powerWatts": power,
            "powerPercent": power and limit and 100.0 * power / limit,
            "smClock": ask(lambda: nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_SM)),
            "memoryClock": ask(lambda: nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_MEM)),
        }

    @staticmethod
    def _ask(question: Callable[..., Any], *args: Any) -> Any:
        try:
            return question(*args)
        except Exception:  # "not supported" has a different class in each version
            return None


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value or "")


def _cuda(version: Any) -> str:
    return f"{version // 1000}.{version % 1000 // 10}" if isinstance(version, int) else ""
