"""MLflow's model registry: versions, stage Production, and models that anyone can load.

This is the one module that knows about stages and aliases, so that the day MLflow drops
stages one file changes.
"""

from al.registry.registry import Registry, Standing
from al.registry.servable import save_servable

__all__ = ["Registry", "Standing", "save_servable"]
