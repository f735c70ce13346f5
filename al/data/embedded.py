"""Texts as a pretrained language model sees them; needs the extra `hf`."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from al.data.places import find
from al.errors import ConfigError, DataError
from al.kept import cache_folder
from al.progress import bar
from al.whole import whole_file

#: Texts at a time, and tokens of a text that are read.
BATCH, TOKENS = 32, 256


def embedded(texts: Sequence[str], model: str) -> np.ndarray:
    """The mean of the last hidden state over each text's tokens, float32 [N, D].

    What was embedded together is kept below `AL_CACHE_DIR`.

    Args:
        model: a folder with config, tokenizer and weights as safetensors; nothing is fetched,
            and no code in it is run.

    Raises:
        ConfigError: transformers is not installed.
        DataError: the folder holds no such model.
    """
    folder = find(model, folder=True, name="estimator")
    tokenizer, network = _loaded(folder)
    digest = hashlib.blake2b(digest_size=16)
    for path in sorted(folder.glob("*")):
        if path.is_file() and path.suffix in (".json", ".txt", ".safetensors", ".model"):
            digest.update(path.name.encode() + path.read_bytes())
    for text in texts:
        digest.update(text.encode(errors="replace") + b"\x00")
    kept = cache_folder("texts") / f"{digest.hexdigest()}.npy"
    with suppress(OSError, ValueError):
        return np.asarray(np.load(kept))
    found = _embed(texts, tokenizer, network)
    with suppress(OSError):  # it only saves time
        kept.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(kept) as file:
            np.save(file, found)
    return found


def _loaded(folder: Path) -> tuple[Any, Any]:
    try:
        import transformers
    except ImportError as error:
        raise ConfigError(
            f"estimator={folder} is a Hugging Face model, and transformers is not installed: "
            "pip install 'active-learning-pipeline[hf]'"
        ) from error
    transformers.utils.logging.disable_progress_bar()
    only = {"local_files_only": True, "trust_remote_code": False}
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(str(folder), **only)
        network = transformers.AutoModel.from_pretrained(str(folder), use_safetensors=True, **only)
    except Exception as error:  # transformers raises many kinds
        reason = " ".join(str(error).split())[:160]
        raise DataError(f"{folder} holds no model with safetensors weights ({reason}): give "
                        "another folder") from error  # fmt: skip
    return tokenizer, network.eval()


def _embed(texts: Sequence[str], tokenizer: Any, network: Any) -> np.ndarray:
    import torch

    order = sorted(range(len(texts)), key=lambda row: len(texts[row]))  # alike lengths together
    found: list[np.ndarray | None] = [None] * len(texts)
    with torch.inference_mode(), bar(desc="embed", total=len(texts), unit="text") as progress:
        for start in range(0, len(texts), BATCH):
            rows = order[start : start + BATCH]
            tokens = tokenizer(
                [texts[row] for row in rows], padding=True, truncation=True, max_length=TOKENS,
                return_tensors="pt",
            )  # fmt: skip
            states = network(**tokens).last_hidden_state  # [B, L, D]
            mask = tokens["attention_mask"].unsqueeze(-1)
            means = (states * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1)
            for row, mean in zip(rows, means.float().numpy(), strict=True):
                found[row] = mean
            progress.update(len(rows))
    return np.stack(found)  # type: ignore[arg-type]
