"""Active learning pipeline: pick what to annotate, train, promote; tracked by MLflow.

import al
result = al.Campaign(task="digits", strategy="margin").run()
result.curve
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

# MKL may choose threads and code by what the machine is doing; then the last bits of a sum
# change from run to run, and a training that was cut off ends in other weights. Read by MKL
# when torch is first used, so it helps whoever imports this before that.
os.environ.setdefault("MKL_DYNAMIC", "FALSE")
os.environ.setdefault("MKL_CBWR", "AUTO")

__version__ = "0.2.0"
__all__ = ["Campaign", "Experiment", "__version__", "recommend"]


if TYPE_CHECKING:
    from al.experiment import Experiment, recommend
    from al.pipeline.campaign import Campaign
else:

    def __getattr__(name: str) -> Any:
        if name == "Campaign":  # late, so that `import al` and `--help` stay quick
            from al.pipeline.campaign import Campaign

            return Campaign
        if name in ("Experiment", "recommend"):
            import al.experiment

            return getattr(al.experiment, name)
        raise AttributeError(f"module 'al' has no attribute {name!r}")
