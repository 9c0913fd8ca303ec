"""Hearing what another library does: methods that call back, whether the library is loaded already or later.

What goes wrong in a listener is logged and kept from the caller, who asked the library and not us. Where
nobody listens any more the library is as it was.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, NamedTuple

import kiseki
from kiseki.sdk.guard import Guard

# Called before the method with its object and arguments; what it returns is called after the method has
# done its work, and not if that raised.
Listener = Callable[..., Callable[[], None] | None]
WITHOUT = object()  # the class had no method of its own by that name


class Target(NamedTuple):
    """A method of a class, by names: nothing needs to be imported to name it."""

    module: str
    class_name: str
    method: str


class Hook:
    """Listeners of one method. The first one changes the class, the last one that leaves changes it back."""

    def __init__(self, target: Target) -> None:
        self.target = target
        # Replaced, never changed: a call may be going through it.
        self.listeners: list[Listener] = []
        self._owner: Any = None
        self._original: Any = WITHOUT
        self._changed: Any = None

    def add(self, listener: Listener) -> None:
        """Tell `listener` of every call of the method, from now on or from the module's import on."""
        self.listeners = [*self.listeners, listener]
        if len(self.listeners) == 1:
            _when_imported(self.target.module, self._change)

    def remove(self, listener: Listener) -> None:
        """Tell `listener` no more."""
        self.listeners = [other for other in self.listeners if other != listener]
        if not self.listeners:
            _imports.forget(self.target.module, self._change)
            self._restore()

    def _change(self, module: ModuleType) -> None:
        owner = getattr(module, self.target.class_name, None)
        original = getattr(owner, self.target.method, None)
        if original is None:  # another version of the library
            return

        guard = Guard(f"hearing {self.target.class_name}.{self.target.method}")

        @functools.wraps(original)
        def call(this: Any, *args: Any, **kwargs: Any) -> Any:
            after = []
            for listener in self.listeners:
                with guard:
                    after.append(_call(listener, this, *args, **kwargs))
            result = original(this, *args, **kwargs)
            for then in after:
                if then is not None:
                    with guard:
                        _call(then)
            return result

        self._owner, self._changed = owner, call
        self._original = vars(owner).get(self.target.method, WITHOUT)
        setattr(owner, self.target.method, call)

    def _restore(self) -> None:
        owner, self._owner = self._owner, None
        # Somebody else may have changed the method after us, and calls ours: then ours stays, silent.
        if owner is None or vars(owner).get(self.target.method) is not self._changed:
            return
        if self._original is WITHOUT:
            delattr(owner, self.target.method)
        else:
            setattr(owner, self.target.method, self._original)


class Hooks:
    """The hooks of several methods under one listener; `remove` takes all of them off."""

    def __init__(self, targets: Sequence[Target], listener: Listener) -> None:
        self._listener = listener
        self._hooks = [_hooks.setdefault(target, Hook(target)) for target in targets]
        for hook in self._hooks:
            hook.add(listener)

    def remove(self) -> None:
        """Listen no more; a second call does nothing."""
        hooks, self._hooks = self._hooks, []
        for hook in hooks:
            hook.remove(self._listener)


class _Imports(MetaPathFinder):
    """Stands first on `sys.meta_path` while somebody waits for a module; the others find it."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[Callable[[ModuleType], None]]] = {}
        self._looking: set[str] = set()

    def wait(self, name: str, call: Callable[[ModuleType], None]) -> None:
        self._waiting.setdefault(name, []).append(call)
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def forget(self, name: str, call: Callable[[ModuleType], None]) -> None:
        calls = self._waiting.get(name, [])
        if call in calls:
            calls.remove(call)
        if not calls:
            self._waiting.pop(name, None)
        if not self._waiting and self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec that the other finders give, with a loader that tells us when it has loaded."""
        if fullname not in self._waiting or fullname in self._looking:
            return None
        self._looking.add(fullname)
        try:
            spec = next(
                filter(None, (_found(f, fullname, path, target) for f in _others(self))), None
            )
        finally:
            self._looking.discard(fullname)
        if spec is not None and spec.loader is not None and hasattr(spec.loader, "exec_module"):
            spec.loader = _Loader(spec.loader, self._loaded)
        return spec

    def _loaded(self, module: ModuleType) -> None:
        for call in tuple(self._waiting.get(module.__name__, ())):
            with Guard(f"following the import of {module.__name__}"):
                call(module)
            self.forget(module.__name__, call)


class _Loader(Loader):
    """The loader of a module, followed by `then(module)`; afterwards the module shows its own loader."""

    def __init__(self, own: Any, then: Callable[[ModuleType], None]) -> None:
        self._own = own
        self._then = then

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        created: ModuleType | None = self._own.create_module(spec)
        return created

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = self._own
        module.__loader__ = self._own
        self._own.exec_module(module)
        self._then(module)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._own, name)


def _call(listener: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a listener; what it does wrong is our mistake, not one of the caller, to whom those pass."""
    try:
        return listener(*args, **kwargs)
    except kiseki.UsageError as error:
        raise kiseki.Error(str(error)) from error


def _others(own: _Imports) -> list[Any]:
    return [finder for finder in sys.meta_path if finder is not own]


def _found(finder: Any, name: str, path: Any, target: Any) -> ModuleSpec | None:
    find = getattr(finder, "find_spec", None)
    return None if find is None else find(name, path, target)


def _when_imported(name: str, call: Callable[[ModuleType], None]) -> None:
    """Call `call(module)` now if the module is loaded, else once when it is."""
    module = sys.modules.get(name)
    if module is not None:
        call(module)
    else:
        _imports.wait(name, call)


# A class can be changed once, so all listeners of the process share what changed it.
_hooks: dict[Target, Hook] = {}
_imports = _Imports()
