"""Random run ids."""

from kiseki.shim.adapted import generate_id

__all__ = ["generate_id"]
