"""Encoders for tests: tiny random Hugging Face folders, and one of one's own that counts."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from al.contracts import Encoder
from al.contracts.encoding import Encoded

SIDE = 32
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "rain", "sun", "cloud", "wind", "storm",
         "bread", "soup", "salt", "dinner", "track", "station", "ticket", "late"]  # fmt: skip
#: Of a transformer that takes no time.
TINY = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
}
SQUARE = {"image_size": SIDE, "patch_size": 8}


def image_model(folder: Path, kind: str = "dinov2", seed: int = 0) -> Path:
    """A model of images with random weights, as `save_pretrained` writes it."""
    transformers = pytest.importorskip("transformers")
    import torch

    torch.manual_seed(seed)
    text = {**TINY, "vocab_size": 50, "bos_token_id": 1, "eos_token_id": 2}
    made: dict[str, Any] = {
        "dinov2": lambda: transformers.Dinov2Model(transformers.Dinov2Config(**TINY, **SQUARE)),
        "clip": lambda: transformers.CLIPModel(
            transformers.CLIPConfig(
                vision_config={**TINY, **SQUARE}, text_config=text, projection_dim=12
            )
        ),
        "siglip": lambda: transformers.SiglipModel(
            transformers.SiglipConfig(vision_config={**TINY, **SQUARE}, text_config=text)
        ),
        "convnext": lambda: transformers.ConvNextModel(
            transformers.ConvNextConfig(hidden_sizes=[8, 8, 16, 24], depths=[1, 1, 1, 1])
        ),
    }
    made[kind]().save_pretrained(folder)
    config = {
        "size": {"shortest_edge": SIDE + 8},
        "crop_size": {"height": SIDE, "width": SIDE},
        "do_center_crop": True,
        "image_mean": [0.5, 0.4, 0.3],
        "image_std": [0.2, 0.2, 0.2],
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(config))
    return folder


def text_model(folder: Path, seed: int = 0) -> Path:
    """A model of texts of few words with random weights."""
    transformers = pytest.importorskip("transformers")
    import torch

    torch.manual_seed(seed)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    transformers.BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    config = transformers.BertConfig(vocab_size=len(WORDS), max_position_embeddings=40, **TINY)
    transformers.BertModel(config).save_pretrained(folder)
    return folder


class Counting(Encoder):
    """Numbers of an image or a text; it writes down what it was asked about."""

    name, digest, width, size = "tests.encoders:Counting", "counting", 3, 8
    takes: ClassVar[Encoded] = "images"

    def __call__(self, samples: Any) -> np.ndarray:
        with open(os.environ["COUNTED"], "ab") as file:
            file.write(b"x" * len(samples))
        flat = np.asarray(samples, np.float32).reshape(len(samples), -1)
        return np.stack([flat.mean(1), flat.std(1), flat.max(1)], axis=1)


class Mapping(Counting):
    """The same with the image itself, at a quarter of its side, as a map."""

    name, digest = "tests.encoders:Mapping", "mapping"
    maps = ((3, 2),)

    def grids(self, samples: Any) -> np.ndarray:
        small = np.asarray(samples, np.float32).reshape(len(samples), 2, 4, 2, 4, 3).mean((2, 4))
        flat = small.transpose(0, 3, 1, 2).reshape(len(samples), -1)
        return np.concatenate([self(samples), flat * 1e3], axis=1)


class Reading(Encoder):
    """The same of texts; where `READ_BY` names a file, it writes down who reads much."""

    name, digest, width = "tests.encoders:Reading", "reading", 2
    takes: ClassVar[Encoded] = "texts"

    def __call__(self, samples: Any) -> np.ndarray:
        if "READ_BY" in os.environ and len(samples) > 20:  # an input example is less
            with open(os.environ["READ_BY"], "a") as file:
                file.write(f"{os.getpid()}\n")
        return np.array([[len(text), text.count("a")] for text in samples], np.float32)


def counted() -> int:
    """Samples that `Counting` was asked about since `COUNTED` was named."""
    path = Path(os.environ["COUNTED"])
    return path.stat().st_size if path.exists() else 0


class NoEncoder:
    """What is none."""


class Thumbnails(Encoder):
    """Each image at an eighth of its side, row by row: wide enough to tell copies by."""

    name, digest, width, size = "tests.encoders:Thumbnails", "thumbnails", 192, 64
    takes: ClassVar[Encoded] = "images"

    def __call__(self, samples: Any) -> np.ndarray:
        small = np.asarray(samples, np.float32).reshape(len(samples), 8, 8, 8, 8, 3).mean((2, 4))
        return small.reshape(len(samples), -1)
