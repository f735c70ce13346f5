"""Models in Hugging Face's form, read from a folder by transformers; nothing is fetched here.

Weights are read as safetensors only, and no code in the folder is run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from al.contracts.encoding import Encoded
from al.data.encoders.network import UNITS, NetworkEncoder, filled, pixels, sha256_of
from al.errors import ConfigError, DataError

#: Files that a model's vectors depend on.
WEIGHTS = ".safetensors"
SUFFIXES = (".json", ".txt", WEIGHTS, ".model")
#: Tokens of a text that are read at most, and to whose multiples texts are filled up: those that
#: are as long then are read together.
TOKENS, STEP = 256, 4
ONLY = {"local_files_only": True, "trust_remote_code": False}
_digests: dict[tuple[Any, ...], str] = {}


def digest_of_folder(folder: Path) -> str:
    """Digest of all files that a model's vectors depend on, 32 hexadecimal digits.

    Files whose size and time did not change are read once in a process.
    """
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.suffix in SUFFIXES and p.is_file()):
        stat = path.stat()
        key = (str(path), stat.st_size, stat.st_mtime_ns, stat.st_ino)
        if key not in _digests:
            _digests[key] = sha256_of(path)
        digest.update(f"{path.relative_to(folder).as_posix()} {_digests[key]}\n".encode())
    return digest.hexdigest()[:32]


class FolderEncoder(NetworkEncoder):
    """A model in a folder.

    Args:
        folder: with its configuration and weights.
        name: as the user writes it.
        digest: given where the folder holds no weights, as those of a served version that trained
            them further lie with the version.

    Raises:
        ConfigError: transformers is not installed.
        DataError: the folder holds no such model.
    """

    extra: ClassVar[str] = "hf"
    packages: ClassVar[tuple[str, ...]] = ("transformers",)
    _bare = False

    def __init__(self, folder: Path, name: str, digest: str = "") -> None:
        self.folder, self.name = folder, name
        self._bare = bool(digest)
        try:
            import transformers
        except ImportError as error:
            raise ConfigError(
                f"encoder={name} is a Hugging Face model, and transformers is not installed: "
                "pip install 'active-learning-pipeline[hf]'"
            ) from error
        if not (folder / "config.json").is_file():
            raise DataError(f"{folder} holds no model (there is no config.json): give the folder "
                            "that save_pretrained wrote")  # fmt: skip
        try:
            self.config = transformers.AutoConfig.from_pretrained(str(folder), **ONLY)
        except Exception as error:  # transformers raises many kinds
            raise self.refused(error) from error
        if not self._bare and not list(folder.glob("*.safetensors")):
            raise DataError(f"{folder} holds no weights as safetensors, and no others are read: "
                            "save it with save_pretrained(…, safe_serialization=True)")  # fmt: skip
        self.prepare()
        self.digest = digest or self._found()

    def _found(self) -> str:
        """The digest of what lies in the folder now."""
        return f"{self.takes}-{self.size}-{digest_of_folder(self.folder)}"

    @property
    def carried(self) -> list[str]:
        """Files, below the folder, that all but the weights are made from."""
        small = set(SUFFIXES) - {WEIGHTS}
        found = (path for path in self.folder.rglob("*") if path.suffix in small)
        return sorted(path.relative_to(self.folder).as_posix() for path in found)

    def prepare(self) -> None:
        """Look into the folder for what this kind of model needs; sets width and size."""
        raise NotImplementedError

    def refused(self, error: Exception) -> DataError:
        """The message of transformers in one line."""
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        return DataError(f"{self.folder} holds no model that can be read ({reason}): give another "
                         "folder")  # fmt: skip

    def load(self) -> Any:
        if not self._bare and self.digest != self._found():
            raise DataError(f"encoder {self.name} has changed since this process began: run the "
                            "same command again")  # fmt: skip
        return self.read()

    def read(self) -> Any:
        """The network, from safetensors."""
        import transformers

        if self._bare:
            return transformers.AutoModel.from_config(self.config).eval()
        transformers.utils.logging.disable_progress_bar()
        verbosity = transformers.utils.logging.get_verbosity()
        transformers.utils.logging.set_verbosity_error()
        try:
            network, loading = transformers.AutoModel.from_pretrained(
                str(self.folder), use_safetensors=True, output_loading_info=True,
                ignore_mismatched_sizes=True, **ONLY,
            )  # fmt: skip
        except Exception as error:  # transformers raises many kinds
            raise self.refused(error) from error
        finally:
            transformers.utils.logging.set_verbosity(verbosity)
        gone = sorted(name for name in loading["missing_keys"] if "pooler" not in name)
        if loading.get("mismatched_keys"):
            gone = ["weights of another shape"]
        if gone:
            raise DataError(f"{self.folder} does not fit its config.json ({gone[0]}): give a whole "
                            "model")  # fmt: skip
        return network.eval()


class TextEncoder(FolderEncoder):
    """Texts: the mean of the last hidden state over a text's tokens, of length 1.

    The first token instead of the mean where a `1_Pooling` of sentence-transformers says so.
    """

    takes: ClassVar[Encoded] = "texts"
    reads_words: ClassVar[bool] = True

    def prepare(self) -> None:
        names = ("tokenizer.json", "vocab.txt", "tokenizer_config.json", "tokenizer.model")
        if not any((self.folder / name).is_file() for name in names):
            raise DataError(f"{self.folder} has no tokenizer, so it reads no texts: give a model "
                            "of texts with its tokenizer")  # fmt: skip
        self.width = int(_of(self.config, "text_config", "hidden_size") or 0)
        if not self.width:
            raise DataError(f"{self.folder} is not a model of texts: give BERT, MiniLM, e5 or the "
                            "like")  # fmt: skip

    @cached_property
    def _tokenizer(self) -> Any:
        import transformers

        try:
            return transformers.AutoTokenizer.from_pretrained(str(self.folder), **ONLY)
        except Exception as error:  # transformers raises many kinds
            raise self.refused(error) from error

    @cached_property
    def _first(self) -> bool:
        """Whether the vector is that of the first token."""
        with suppress(OSError, ValueError):
            pooling = json.loads((self.folder / "1_Pooling" / "config.json").read_text())
            return isinstance(pooling, dict) and bool(pooling.get("pooling_mode_cls_token"))
        return False

    def read(self) -> Any:
        _ = self._tokenizer  # what is wrong with it is found before the weights are read
        network = super().read()
        self.config = network.config
        return getattr(network, "text_model", network)

    @property
    def most(self) -> int:
        """Tokens of a text that are read, with the marks of begin and end."""
        room = int(_of(self.config, "text_config", "max_position_embeddings") or TOKENS)
        return int(min(TOKENS, room, self._tokenizer.model_max_length))

    def raw(self, samples: Any) -> np.ndarray:
        return _table(self._tokens(samples), self.most)

    def alike(self, samples: Any, unit: int) -> Iterable[tuple[Sequence[int], np.ndarray]]:
        tokens, lengths = self._tokens(samples), dict[int, list[int]]()
        for row, some in enumerate(tokens):
            lengths.setdefault(self._length(len(some)), []).append(row)
        for length, rows in sorted(lengths.items()):
            for start in range(0, len(rows), unit):
                chosen = rows[start : start + unit]
                yield chosen, _table([tokens[row] for row in chosen], length)

    def _length(self, tokens: int) -> int:
        """How many places a text of so many tokens takes."""
        return min(-(-tokens // STEP) * STEP, self.most)

    def _tokens(self, texts: Any) -> list[list[int]]:
        """The tokens of each text, at least one."""
        tokens = self._tokenizer(list(texts), truncation=True, max_length=self.most)["input_ids"]
        # A tokenizer without marks of begin and end makes nothing of "".
        return [some or [self._tokenizer.pad_token_id or 0] for some in tokens]

    def vectors(self, network: Any, inputs: Any) -> Any:
        import torch

        states, mask = self._states(network, inputs)
        if self._first:
            found = states[:, 0]
        else:
            found = (states * mask[:, :, None]).sum(dim=1) / mask.sum(dim=1)[:, None]
        return torch.nn.functional.normalize(found, dim=1)

    def words(
        self, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]]
    ) -> Sequence[np.ndarray]:
        """The mean over a word's tokens of the last hidden state."""
        import torch

        where = self.begun()
        unit = UNITS["cuda" if where == "cuda" else self.takes]
        if not self._tokenizer.is_fast:
            raise DataError(f"encoder {self.name} does not give the positions of its tokens "
                            "(its tokenizer is not a fast one): give another, or none")  # fmt: skip
        found = [np.zeros((len(places), self.width), np.float32) for places in spans]
        places = self._tokenizer(
            list(texts), truncation=True, max_length=self.most, return_offsets_mapping=True
        )["offset_mapping"]
        with torch.inference_mode():
            for rows, some in self.alike(texts, unit):
                full = filled(some, unit).to(where)
                states = self._states(self._network, full)[0].float().cpu().numpy()
                for row, own in zip(rows, states, strict=False):
                    if len(spans[row]) and len(places[row]):
                        found[row] = _means(own[: len(places[row])], places[row], spans[row])
        return found

    def _states(self, network: Any, inputs: Any) -> tuple[Any, Any]:
        """Last hidden states [n, length, D], and which of them are of tokens; no longer than the
        longest text takes."""
        mask = (inputs >= 0).long()
        length = self._length(int(mask.sum(dim=1).max()))
        mask, ids = mask[:, :length], inputs[:, :length].long()
        ids = ids.masked_fill(mask == 0, self._tokenizer.pad_token_id or 0)
        return network(input_ids=ids, attention_mask=mask).last_hidden_state, mask


class ImageEncoder(FolderEncoder):
    """Images: what the model itself calls their features (CLIP, SigLIP), else its first token
    (DINOv2, ViT), or the mean of its last map.

    Images come as squares; they are scaled as the folder's preprocessor_config.json says.
    """

    takes: ClassVar[Encoded] = "images"

    def prepare(self) -> None:
        try:
            conf = json.loads((self.folder / "preprocessor_config.json").read_text())
            self._sized(conf)
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise DataError(f"{self.folder} has no preprocessor_config.json that can be read, so "
                            "it takes no images: give a model of images") from error  # fmt: skip
        sizes = getattr(self.config, "hidden_sizes", None)
        width = getattr(self.config, "projection_dim", None) if self.is_clip else None
        width = width or _of(self.config, "vision_config", "hidden_size") or (sizes or [0])[-1]
        self.width = int(width)
        if not (self.size and self.width and self._mean.shape == self._std.shape == (3,)):
            raise DataError(f"{self.folder} is not a model of images in three colours: give "
                            "DINOv2, ViT, SigLIP or CLIP")  # fmt: skip
        patch = _of(self.config, "vision_config", "patch_size")
        if sizes and not self.is_clip:
            self.maps = [(count, -(-self.size // 2 ** (n + 2))) for n, count in enumerate(sizes)]
        elif isinstance(patch, int) and not sizes:
            cells = _of(self.config, "vision_config", "hidden_size")
            self.maps = [(int(cells), self.size // patch)]

    def _sized(self, conf: Any) -> None:
        """Side, mean and deviation of pixels as a preprocessor's configuration says them."""
        self.size = _side(conf.get("crop_size") if conf.get("do_center_crop") else None) or _side(
            conf.get("size")
        ) or int(_of(self.config, "vision_config", "image_size") or 0)  # fmt: skip
        by = float(conf.get("rescale_factor", 1 / 255)) if conf.get("do_rescale", True) else 1.0
        normal = conf.get("do_normalize", True)
        self._mean = np.asarray(conf.get("image_mean") if normal else [0.0] * 3, np.float32) / by
        self._std = np.asarray(conf.get("image_std") if normal else [1.0] * 3, np.float32) / by

    @property
    def is_clip(self) -> bool:
        return self.config.model_type in ("clip", "chinese_clip", "metaclip_2")

    def vectors(self, network: Any, inputs: Any) -> Any:
        images = pixels(inputs, self._mean, self._std)
        if hasattr(network, "get_image_features"):
            found = network.get_image_features(pixel_values=images)
            return getattr(found, "pooler_output", found)
        states = network(pixel_values=images).last_hidden_state
        return states.mean(dim=(2, 3)) if states.ndim == 4 else states[:, 0]

    def mapped(self, network: Any, inputs: Any) -> Sequence[Any]:
        """Of a convolutional network the output of each stage, of a transformer the last state of
        each patch."""
        images = pixels(inputs, self._mean, self._std)
        if len(self.maps) > 1:
            states = network(pixel_values=images, output_hidden_states=True).hidden_states
            by_side = {state.shape[2]: state for state in states}  # of each side the last one
            return [self.vectors(network, inputs), *(by_side[side] for _, side in self.maps)]
        vision = getattr(network, "vision_model", network)
        (_, side), tokens = self.maps[0], vision(pixel_values=images).last_hidden_state
        patches = tokens[:, -(side**2) :].movedim(1, 2)
        return [self.vectors(network, inputs), patches.unflatten(2, (side, side))]


def _table(tokens: Sequence[Sequence[int]], length: int) -> np.ndarray:
    """Tokens of texts as int32 [n, length], -1 behind the last one of each."""
    found = np.full((len(tokens), length), -1, np.int32)
    for row, some in enumerate(tokens):
        found[row, : len(some)] = some
    return found


def _means(
    states: np.ndarray, places: Sequence[tuple[int, int]], spans: Sequence[tuple[int, int]]
) -> np.ndarray:
    """Means of the states of the tokens that share a character with each span, [spans, D]; 0 where
    none does."""
    low, high = np.asarray(places).T
    first, behind = np.asarray(spans).T[:, :, None]
    inside = ((low < behind) & (high > first)).astype(np.float32)
    return inside @ states / np.maximum(inside.sum(axis=1, keepdims=True), 1)


def _of(config: Any, part: str, name: str) -> Any:
    """A number of a configuration, or of that part of it where it has several models."""
    return getattr(getattr(config, part, config), name, None)


def _side(conf: Any) -> int:
    """A side in pixels as preprocessors say it: a number, or by one of several names."""
    if isinstance(conf, dict):
        conf = conf.get("height") or conf.get("shortest_edge") or 0
    return int(conf or 0)
