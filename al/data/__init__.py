"""Data Loaders: where samples come from."""

from al.data.arrays import ArrayLoader
from al.data.files import fetch, read_idx
from al.data.zipped import read_image, shrunk
from al.masks import decode_mask, encode_mask

__all__ = [
    "ArrayLoader",
    "decode_mask",
    "encode_mask",
    "fetch",
    "read_idx",
    "read_image",
    "shrunk",
]
