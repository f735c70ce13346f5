"""The engine of many machines: workers on a Ray cluster, shards as their work."""

from al.engine.ray.engine import RayEngine

__all__ = ["RayEngine"]
