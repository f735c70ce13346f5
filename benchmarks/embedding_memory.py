"""Peak memory of embedding images by `efficientnet-lite0`: it should hardly grow with their number.

The images are photographs of noise, written as JPEG files into a folder, which `image-folder`
reads, decodes, embeds and keeps as in a campaign; each number of them is a process of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import numpy as np
from PIL import Image

from al.processor import processor_of
from benchmarks.common import Row, command, report
from benchmarks.memory import peak

COUNTS = (0, 2_000, 20_000)


def written(folder: Path, count: int, side: int) -> None:
    """So many images of two classes, no two alike."""
    rng = np.random.default_rng(0)
    for row in range(count):
        place = folder / "train" / "ab"[row % 2] / f"{row:06d}.jpg"
        place.parent.mkdir(parents=True, exist_ok=True)
        coarse = Image.fromarray(rng.integers(0, 256, (20, 20, 3), dtype=np.uint8))
        coarse.resize((side, side)).save(place)


def embed(count: int, side: int) -> None:
    """Read so many images and embed them all; of none, load what it takes."""
    from al.data import ImageFolderLoader
    from al.data.encoding import encoder_named
    from al.progress import showing

    encoder = encoder_named("efficientnet-lite0", "images", side)
    assert encoder is not None
    with TemporaryDirectory() as folder, showing(False):
        os.environ["AL_CACHE_DIR"] = f"{folder}/cache"
        if not count:
            encoder(np.zeros((1, side, side, 3), np.uint8))
            return
        written(Path(folder) / "images", count, side)
        data = ImageFolderLoader(f"{folder}/images", encoder=encoder)
        data.features(data.ids("train"))


@click.command(context_settings={"show_default": True})
@click.option("--count", "counts", multiple=True, type=int, default=COUNTS)
@click.option("--side", default=160, help="Of the images, in pixels.")
@click.option("--only", type=int, help="Embed so many here and print the peak.")
def main(counts: Sequence[int], side: int, only: int | None) -> None:
    """Measure the peak of each number of images in a process of its own."""
    if only is not None:
        embed(only, side)
        click.echo(f"{peak()}")
        return
    rows: list[Row] = []
    for count in counts:
        asked = [sys.executable, "-m", "benchmarks.embedding_memory", "--only", str(count)]
        asked += ["--side", str(side)]
        printed = subprocess.run(asked, check=True, text=True, stdout=subprocess.PIPE).stdout
        rows.append({"images": count, "side": side, "peak MiB": round(float(printed.split()[-1]))})
    report(
        "embedding_memory", {"Peak resident memory": rows}, command=command(),
        processor=processor_of("cpu"), date=str(date.today()),
    )  # fmt: skip


if __name__ == "__main__":
    main()
