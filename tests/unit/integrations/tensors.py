"""As much of torch as `run.watch` needs, on NumPy: for tests where torch is not installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy


class Tensor:
    is_sparse = False
    device = SimpleNamespace(type="cpu")

    def __init__(self, numbers: Any, requires_grad: bool = True) -> None:
        self.numbers = numpy.asarray(numbers)
        self.requires_grad = requires_grad
        self.hooks: list[Any] = []

    def register_hook(self, hook: Any) -> Any:
        self.hooks.append(hook)
        return SimpleNamespace(remove=lambda: self.hooks.remove(hook))

    def backward(self, gradient: Any) -> None:
        for hook in self.hooks:
            assert hook(Tensor(gradient)) is None

    def _with(self, function: Callable[[Any], Any]) -> Tensor:
        return Tensor(function(self.numbers))

    def detach(self) -> Tensor:
        return self

    def flatten(self) -> Tensor:
        return self._with(numpy.ravel)

    def double(self) -> Tensor:
        return self._with(lambda x: x.astype("float64"))

    def isfinite(self) -> Tensor:
        return self._with(numpy.isfinite)

    def isnan(self) -> Tensor:
        return self._with(numpy.isnan)

    def isposinf(self) -> Tensor:
        return self._with(numpy.isposinf)

    def isneginf(self) -> Tensor:
        return self._with(numpy.isneginf)

    def sum(self) -> int:
        return int(self.numbers.sum())

    def __getitem__(self, mask: Tensor) -> Tensor:
        return Tensor(self.numbers[mask.numbers])

    def numel(self) -> int:
        return int(self.numbers.size)

    def min(self) -> float:
        return float(self.numbers.min())

    def max(self) -> float:
        return float(self.numbers.max())

    def histc(self, bins: int, low: float, high: float) -> Any:
        return numpy.histogram(self.numbers, bins, (low, high))[0].astype(float)


class Module:
    """Two parameters; `forward` and `backward` call the hooks."""

    def __init__(self) -> None:
        self.training = True
        self.parts = {"layer.weight": Tensor([1.0, 2.0, 3.0]), "layer.bias": Tensor([0.0], False)}
        self.forward_hooks: list[Any] = []

    def named_parameters(self) -> Iterator[tuple[str, Tensor]]:
        yield from self.parts.items()

    def register_forward_hook(self, hook: Any) -> Any:
        self.forward_hooks.append(hook)
        return SimpleNamespace(remove=lambda: self.forward_hooks.remove(hook))

    def batch(self, gradient: Any = (1.0, -1.0, 0.5)) -> None:
        for hook in self.forward_hooks:
            hook(self, (), None)
        self.parts["layer.weight"].backward(gradient)
