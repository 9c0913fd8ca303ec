"""Reading runs from a server."""

from . import public

__all__ = ["public"]
