"""Data Loaders: where samples come from."""

from al.data.arrays import ArrayLoader
from al.data.files import fetch, read_idx

__all__ = ["ArrayLoader", "fetch", "read_idx"]
