"""The few functions that scripts use."""

from kiseki.shim.adapted import generate_id, get_module

__all__ = ["generate_id", "get_module"]
