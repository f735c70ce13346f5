"""How well near copies across splits are found: planted ones, and false alarms among others.

Of each data set some samples are training, some held out. Changed copies of training samples are
planted among the held out: photographs recompressed, halved, mirrored, cropped by a tenth and made
brighter; texts in small letters, without punctuation, with two letters exchanged, without a word.
The nearest training sample of each by `al.data.near_copies` says how alike they are.
"""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import click
import numpy as np
import pandas as pd
from PIL import Image, ImageOps

from al.catalog import make_task
from al.data import near_copies as near
from al.processor import processor_of
from benchmarks.common import Row, photographs, report

#: Training samples, honest ones that are held out, and planted ones of each kind.
TRAIN, HELD, PLANTED = 400, 200, 60
#: Similarities from which on two samples might count as near copies.
LEVELS = (0.8, 0.85, 0.9, 0.95)


def _saved(image: Image.Image, form: str = "png", **how: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **how)
    return file.getvalue()


def _cropped(image: Image.Image) -> Image.Image:
    wide, high = image.size
    return image.crop((wide // 20, high // 20, wide - wide // 20, high - high // 20))


IMAGES: Mapping[str, Callable[[Image.Image], bytes]] = {
    "recompressed": lambda image: _saved(image, "jpeg", quality=40),
    "half the size": lambda image: _saved(image.resize((image.width // 2, image.height // 2))),
    "mirrored": lambda image: _saved(ImageOps.mirror(image)),
    "a tenth cut off": lambda image: _saved(_cropped(image)),
    "brighter": lambda image: _saved(image.point(lambda value: min(255, round(value * 1.15)))),
}


def _without_a_word(text: str) -> str:
    words = text.split()
    return " ".join(words[: len(words) // 2] + words[len(words) // 2 + 1 :])


def _mistyped(text: str) -> str:
    at = len(text) // 2
    return f"{text[:at]}{text[at + 1 : at + 2]}{text[at : at + 1]}{text[at + 2 :]}"


TEXTS: Mapping[str, Callable[[str], str]] = {
    "small letters": str.lower,
    "no punctuation": lambda text: re.sub(r"[^\w\s]", "", text),
    "letters exchanged": _mistyped,
    "a word less": _without_a_word,
}


def _pets3() -> list[bytes]:
    return [content for _, content in photographs()]


def _fashion_mnist() -> list[bytes]:
    from al.tasks.fashion_mnist import FashionMnist

    data = FashionMnist().data()
    ids = np.random.default_rng(0).permutation(data.ids("train"))[: TRAIN + HELD].tolist()
    return [_saved(Image.fromarray(image)) for image in data.inputs(data.rows(ids)).numpy()]


def _texts(task: str) -> list[str]:
    data = make_task(task, {}).data()
    ids = np.random.default_rng(0).permutation(data.ids("train"))[: TRAIN + HELD].tolist()
    return [str(data.preview(id).text) for id in ids]


DATA: Mapping[str, Callable[[], list[Any]]] = {
    "pets3": _pets3,
    "fashion-mnist": _fashion_mnist,
    "banking77": lambda: _texts("banking77"),
    "sms-spam": lambda: _texts("sms-spam"),
}


def laid_out(samples: Sequence[Any], folder: Path) -> tuple[Any, dict[str, tuple[str, str]]]:
    """A Data Loader of training, honest and planted samples, and what each held-out id is: its
    kind, and the training sample that it was made of."""
    order = np.random.default_rng(0).permutation(len(samples))[: TRAIN + HELD]
    train, held = order[:TRAIN], order[TRAIN:]
    what: dict[str, tuple[str, str]] = {}
    if isinstance(samples[0], str):
        rows = [(f"t{row}", "train", samples[row]) for row in train]
        rows += [(f"h{row}", "test", samples[row]) for row in held]
        what = {f"h{row}": ("others", "") for row in held}
        known = {text for _, _, text in rows}
        for name, change in TEXTS.items():
            for row in train[:PLANTED]:
                if (changed := change(samples[row])) not in known:
                    what[f"{name} {row}"] = name, f"t{row}"
                    rows.append((f"{name} {row}", "test", changed))
        table = pd.DataFrame(rows, columns=["id", "split", "text"])
        table["label"] = np.where(np.arange(len(table)) % 2, "a", "b")
        table.to_csv(folder / "texts.csv", index=False)
        given = {"data": str(folder / "texts.csv"), "text": "text", "target": "label"}
        return make_task("text", {**given, "encoder": "auto"}).data(), what
    for split in ("train", "test"):
        (folder / split / "a").mkdir(parents=True)
        (folder / split / "b").mkdir(parents=True)

    def put(split: str, name: str, content: bytes, at: int) -> str:
        suffix = "jpg" if content.startswith(b"\xff\xd8") else "png"
        path = f"{split}/{'ab'[at % 2]}/{name.replace(' ', '-')}.{suffix}"
        (folder / path).write_bytes(content)
        return path

    whole = [put("train", f"t{row}", samples[row], at) for at, row in enumerate(train)]
    for at, row in enumerate(held):
        what[put("test", f"h{row}", samples[row], at)] = "others", ""
    for name, drawn in IMAGES.items():
        for at, row in enumerate(train[:PLANTED]):
            image = Image.open(io.BytesIO(samples[row])).convert("RGB")
            what[put("test", f"{name} {row}", drawn(image), at)] = name, whole[at]
    return make_task("image-folder", {"data": str(folder), "encoder": "auto"}).data(), what


def measured(name: str) -> list[Row]:
    """How alike the held-out samples of a data set are to their nearest, by what they are."""
    with TemporaryDirectory() as place:
        data, what = laid_out(DATA[name](), Path(place))
        splits = data.propose_splits(20, 0)
        data.freeze(splits)
        level = near.LEVELS[data.spec.details["encoder"]["takes"]]
        data.features(data.ids("test"))
        begun = time.monotonic()
        with patch.dict(near.LEVELS, dict.fromkeys(near.LEVELS, -2.0)):
            found = near.near_copies(data, splits)
        seconds = time.monotonic() - begun
    assert found is not None
    train = set(data.ids("train"))
    alike = {p.id: p.similarity for p in found.pairs if p.split == "test"}
    rows: list[Row] = []
    for kind in dict.fromkeys(kind for kind, _ in what.values()):
        ids = [id for id, (is_a, of) in what.items() if is_a == kind and (not of or of in train)]
        values = np.array([alike[id] for id in ids if id in alike])
        shares = {f"≥ {at:.2f}": f"{(values >= at).mean():.3f}" for at in LEVELS}
        found_at = {"median": f"{np.median(values):.3f}", **shares}
        rows.append({"data": name, "held out": kind, "samples": len(values), **found_at})
    click.echo(f"{name}: level {level}, {len(alike)} against {len(train)} in {seconds:.2f} s")
    return rows


@click.command()
@click.option("--data", multiple=True, type=click.Choice(list(DATA)), default=list(DATA))
def main(data: Sequence[str]) -> None:
    """Print how many of the planted are found, and of the others."""
    rows = [row for name in data for row in measured(name)]
    about = {
        "command": "python -m benchmarks.near_copies",
        "seed": 0,
        "processor": processor_of("cpu"),
        "date": str(date.today()),
        "levels": near.LEVELS,
    }
    report("near_copies", {"similarity to the nearest training sample": rows}, **about)


if __name__ == "__main__":
    main()
