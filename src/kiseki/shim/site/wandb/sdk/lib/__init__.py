"""What libraries import from the inner package."""

from kiseki.sdk.disabled import DisabledRun as RunDisabled

__all__ = ["RunDisabled"]
