"""The one place where work leaves the process: engines, a file each, and what holds for all."""

from al.engine.local import LocalEngine
from al.engine.runner import Here, Made, Recipe, Runner, WorkerOf
from al.engine.spreading import spread

__all__ = ["Here", "LocalEngine", "Made", "Recipe", "Runner", "WorkerOf", "spread"]
