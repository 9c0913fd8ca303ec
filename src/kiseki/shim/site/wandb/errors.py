"""The public errors; `Error` is the base of all."""

from kiseki.errors import AuthenticationError, CommError, Error, UsageError

__all__ = ["AuthenticationError", "CommError", "Error", "UsageError"]
