"""The one place where work leaves the process: engines, a file each, and what holds for all."""

from al.engine.local import LocalEngine
from al.engine.spreading import spread

__all__ = ["LocalEngine", "spread"]
