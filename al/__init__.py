"""Active learning pipeline: pick what to annotate, train, promote; tracked by MLflow.

import al
result = al.Campaign(task="digits", strategy="margin").run()
result.curve
"""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"
__all__ = ["Campaign", "__version__"]


def __getattr__(name: str) -> Any:
    if name == "Campaign":  # late, so that `import al` and `--help` stay quick
        from al.pipeline.campaign import Campaign

        return Campaign
    raise AttributeError(f"module 'al' has no attribute {name!r}")
