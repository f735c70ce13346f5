"""Data Loaders: where samples come from."""

from al.data.arrays import ArrayLoader
from al.data.files import fetch
from al.data.idx import idx_data, read_idx
from al.data.image_folder import ImageFolderLoader
from al.data.image_loader import images_given
from al.data.image_manifest import ImageManifestLoader
from al.data.mapped_arrays import MappedArrays
from al.data.mask_folder import MaskFolderLoader
from al.data.mask_serving import covered_given, masks_given
from al.data.reading import Asked, read_text
from al.data.tables import TableFileLoader, TableLoader, rows_given
from al.data.texts import TextFileLoader, TextLoader, texts_given
from al.data.zipped import read_image, shrunk
from al.masks import decode_mask, encode_mask

__all__ = [
    "ArrayLoader",
    "Asked",
    "ImageFolderLoader",
    "ImageManifestLoader",
    "MappedArrays",
    "MaskFolderLoader",
    "TableFileLoader",
    "TableLoader",
    "TextFileLoader",
    "TextLoader",
    "covered_given",
    "decode_mask",
    "encode_mask",
    "fetch",
    "idx_data",
    "images_given",
    "masks_given",
    "read_idx",
    "read_image",
    "read_text",
    "rows_given",
    "shrunk",
    "texts_given",
]
