"""`run.watch`: histograms of a torch model's gradients and parameters (R-21).

torch calls back: a parameter when its gradient is there, a module after its forward pass. Every `log_freq`-th
time the numbers become a histogram, on their own device, and wait for the script's next `log`, whose row they
join. Modules and tensors are known by their methods; torch is not imported here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from kiseki.errors import UsageTypeError, UsageValueError
from kiseki.sdk.guard import Guard
from kiseki.sdk.values import type_name

if TYPE_CHECKING:
    from kiseki.sdk.run import Run

BINS = 64
WHAT = ("gradients", "parameters", "all", None)


class Watch:
    """The models that a run watches."""

    def __init__(self, run: Run) -> None:
        self._joining = Joining(run)
        self._strict = run.settings.strict
        self._removers: dict[int, list[Callable[[], None]]] = {}
        self._models: dict[int, Any] = {}  # keeps them alive, so that no id is given twice
        self._count = 0

    def add(self, models: Any, log: str | None, log_freq: int, idx: int | None) -> None:
        """Watch models; see `Run.watch`."""
        found = _models(models)
        if log not in WHAT:
            raise UsageValueError(f"log must be gradients, parameters, all or None; got {log!r}")
        if isinstance(log_freq, bool) or not isinstance(log_freq, int) or log_freq < 1:
            raise UsageValueError(f"log_freq must be a number of batches, got {log_freq!r}")
        for model in found:
            if id(model) in self._models:
                raise UsageValueError("this model is watched already; unwatch() it first")
        for offset, model in enumerate(found):
            number = self._count if idx is None else idx + offset
            self._count += 1
            self._watch(model, f"graph_{number}/" if number else "", log, log_freq)

    def remove(self, models: Any = None) -> None:
        """Watch these models no more; None: all of them."""
        wanted = set(self._models) if models is None else set(map(id, _models(models)))
        for key in wanted & set(self._models):
            for remove in self._removers.pop(key):
                remove()
            del self._models[key]

    def close(self) -> None:
        """Watch nothing more; what no row was logged for is forgotten."""
        self.remove()
        self._joining.forget()

    def _watch(self, model: Any, prefix: str, log: str | None, every: int) -> None:
        removers = self._removers[id(model)] = []
        self._models[id(model)] = model
        if log in ("gradients", "all"):
            for name, parameter in model.named_parameters():
                if parameter.requires_grad:
                    hook = Hook(self._take, f"gradients/{prefix}{name}", every, self._strict)
                    removers.append(parameter.register_hook(hook).remove)
        if log in ("parameters", "all"):
            every_batch = _Parameters(self._take, f"parameters/{prefix}", every, self._strict)
            removers.append(model.register_forward_hook(every_batch).remove)

    def _take(self, key: str, tensor: Any) -> None:
        self._joining.add(key, histogram_of(tensor))


class Hook:
    """What torch calls with a gradient; every `every`-th one is taken.

    A copy of a model, by `deepcopy` or through a file, is not watched: it gets a hook that does nothing.
    """

    def __init__(
        self, take: Callable[[str, Any], None], key: str, every: int, strict: bool
    ) -> None:
        self._take = take
        self._key = key
        self._every = every
        self._calls = 0
        self._guard = Guard("watching a model", strict)

    def __call__(self, gradient: Any) -> None:
        if self._is_turn():
            with self._guard:
                self._take(self._key, gradient)

    def _is_turn(self) -> bool:
        self._calls += 1
        return self._calls % self._every == 0

    def __reduce__(self) -> tuple[type[Silent], tuple[()]]:
        return Silent, ()


class _Parameters(Hook):
    """What torch calls with a module after each forward pass; those of a training count."""

    def __call__(self, module: Any, *_: Any) -> None:
        if getattr(module, "training", True) and self._is_turn():
            for name, parameter in module.named_parameters():
                with self._guard:
                    self._take(self._key + name, parameter)


class Silent:
    """The hook of a model's copy."""

    def __call__(self, *_: Any) -> None:
        return None


class Joining:
    """Values that wait for the next `log` of a run, and go into its row.

    While some wait, this stands in front of the run's `log`; otherwise logging does not know of it.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._values: dict[str, Any] = {}
        self._log: Callable[..., None] | None = None

    def add(self, key: str, value: Any) -> None:
        """Have a value join the next row; a later one of the same key takes its place."""
        with self._run._stream.lock:
            self._values[key] = value
            if self._log is None:
                self._log, self._run._log = self._run._log, self._join

    def forget(self) -> None:
        """Drop what waits."""
        self._step_back()

    def _join(self, data: Any, step: Any = None, commit: Any = None) -> None:
        log, values = self._step_back()
        try:
            log({**values, **data} if isinstance(data, Mapping) else data, step, commit)
        except BaseException:  # no row came of it: they wait for the next one
            for key, value in values.items():
                self.add(key, value)
            raise

    def _step_back(self) -> tuple[Callable[..., None], dict[str, Any]]:
        with self._run._stream.lock:
            values, self._values = self._values, {}
            if self._log is not None:
                self._run._log, self._log = self._log, None
            return self._run._log, values


def _models(given: Any) -> list[Any]:
    """Return the models of an argument: one, or several in a list or tuple."""
    models = list(given) if isinstance(given, (list, tuple)) else [given]
    for model in models:
        if not (hasattr(model, "named_parameters") and hasattr(model, "register_forward_hook")):
            raise UsageTypeError(
                f"watch() takes torch modules (torch.nn.Module), got {type_name(model)}"
            )
    return models


def histogram_of(tensor: Any) -> dict[str, Any]:
    """Return 64 bins of a tensor's numbers; NaN and ±Inf lie in no bin, but are counted."""
    tensor = tensor.detach()
    if tensor.is_sparse:
        tensor = tensor.coalesce().values()
    # Counts are floats there: single ones would stop at 2**24. Apple's GPUs have no double ones.
    flat = tensor.flatten()
    flat = flat.float() if tensor.device.type == "mps" else flat.double()
    finite = flat[flat.isfinite()]
    found: dict[str, Any] = {"_type": "histogram", "values": [], "bins": []}
    if finite.numel():
        low, high = float(finite.min()), float(finite.max())
        if low == high:
            low, high = low - 0.5, high + 0.5
        found["values"] = [int(count) for count in finite.histc(BINS, low, high).tolist()]
        found["bins"] = [low + (high - low) * (at / BINS) for at in range(BINS)] + [high]
    if finite.numel() != flat.numel():
        found["nan"] = int(flat.isnan().sum())
        found["pinf"] = int(flat.isposinf().sum())
        found["ninf"] = int(flat.isneginf().sum())
    return found
