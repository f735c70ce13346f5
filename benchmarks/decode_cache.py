"""Scoring a pool of image files for the second time against the first.

The first pass decodes and resizes every file; a later one, in a process of its own, looks at
sizes and times of the files, and reads the packs. Seconds are of the CPU, so that what else the
machine does matters little; what the model itself takes is the same in all, and apart.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import numpy as np

from benchmarks.common import Row, report

SIDE, CLASSES = 384, 10


def write_photographs(folder: Path, count: int) -> None:
    """JPEG files of a photograph's smoothness, 512 × 384, some 50 kB each."""
    from PIL import Image

    rng = np.random.default_rng(0)
    for number in range(count):
        coarse = rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)
        image = Image.fromarray(coarse).resize((512, SIDE), Image.Resampling.BICUBIC)
        noisy = np.asarray(image, np.int16) + rng.integers(-12, 13, (SIDE, 512, 1), dtype=np.int16)
        place = folder / ("train" if number % 2 else "heap") / str(number % CLASSES)
        place.mkdir(parents=True, exist_ok=True)
        picture = Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))
        picture.save(place / f"{number:06d}.jpg", quality=85)


def scoring(folder: str) -> dict[str, float]:
    """CPU seconds until the data is there, of reading all of it, and of the model."""
    import torch

    from al.tasks.image_folder import ImageFolder
    from benchmarks.memory import peak

    torch.set_num_threads(1)
    start = time.process_time()
    task = ImageFolder(folder)
    data = task.data()
    loaded = time.process_time()
    graph = task.graph(data.spec)
    ids = data.ids("train")
    model = 0.0
    for batch in data.batches(ids, batch_size=256):
        before = time.process_time()
        graph.infer(batch, ("probabilities",))
        model += time.process_time() - before
    read = time.process_time() - loaded - model
    return {"load": loaded - start, "read": read, "model": model, "images": len(ids),
            "peak": peak()}  # fmt: skip


@click.command()
@click.option("--images", default=10_000, show_default=True)
@click.option("--only", help="Score this folder here and print the seconds.")
def main(images: int, only: str | None) -> None:
    """Score a new folder of images three times."""
    if only:
        click.echo(json.dumps(scoring(only)))
        return
    rows: list[Row] = []
    with TemporaryDirectory() as scratch:
        folder = Path(scratch) / "photographs"
        write_photographs(folder, images)
        environment = {**os.environ, "AL_CACHE_DIR": f"{scratch}/cache"}
        command = [sys.executable, "-m", "benchmarks.decode_cache", "--only", str(folder)]
        for name in ("first", "second", "third"):
            done = subprocess.run(
                command, check=True, text=True, stdout=subprocess.PIPE, env=environment
            )
            found = json.loads(done.stdout.splitlines()[-1])
            rows.append(
                {
                    "pass": name,
                    "images": int(found["images"]),
                    "files": found["load"],
                    "pixels": found["read"],
                    "model": found["model"],
                    "data in all": found["load"] + found["read"],
                    "peak MiB": round(found["peak"]),
                }
            )
        kept = sum(path.stat().st_size for path in (Path(scratch) / "cache").rglob("*.npy"))
    for row in rows:
        row["of the first"] = row["data in all"] / rows[0]["data in all"]
    report("decode_cache", {"CPU seconds of scoring photographs": rows}, kept_mb=kept / 1e6)


if __name__ == "__main__":
    main()
