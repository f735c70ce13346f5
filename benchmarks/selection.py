"""What strategies take: seconds, and memory above their inputs, over arrays in memory.

Each contestant is a process of its own: it makes the arrays, does a small query to warm up,
and times the call; the median of some calls where they are fast, one where it is slow. Its
peak is the most that was resident during the calls, less what was before them. The arrays
are the same for all: clusters of unequal size, drawn from a fixed seed.

`ours` is the catalog's strategy, `textbook` the same algorithm as one would write it with
torch, `naive` its definition in float64, `prototype` a yardstick that keeps no ties and no ids
(`benchmarks/yardsticks.py`); the others are libraries (`pip install '.[peers]'`).

Workloads a to d are clusters of unequal size; e and f embeddings as foundation models give them
(heavy tails, copies), n the same at sizes from 10,000 to 1,000,000, drawn as curves.
"""

from __future__ import annotations

import csv
import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib.util import find_spec
from inspect import signature
from pathlib import Path
from typing import Any

import click
import numpy as np

from al.catalog import strategies
from al.errors import AlError
from al.strategies.arrays import ARRAYS, ArrayView
from al.strategies.expression import build
from benchmarks import common, yardsticks
from benchmarks.common import Row, report, table
from benchmarks.memory import peak
from benchmarks.selection_growth import draw_growth

CLUSTERS, MEMBERS, TARGETS, SEED = 50, 5, 100, 0
ROOT = Path(__file__).parents[1]
#: Rows of the arrays that are made at a time, so that making them needs little memory.
BLOCK = 65_536
#: Calls are repeated until they took this many seconds.
FAST = 10.0


@dataclass(frozen=True)
class Work:
    """Sizes of a query; `only` names its strategies, all of the catalog where empty."""

    pool: int
    query: int
    dims: int = 16
    labelled: int = 1_000
    passes: int = 20
    classes: int = 10
    only: tuple[str, ...] = ()
    made: str = "clusters"

    def small(self, pool: int = 1_000, query: int = 20) -> Work:
        """The same, quickly done."""
        pool = min(self.pool, pool)
        return replace(self, pool=pool, query=min(self.query, query), labelled=50)

    def __str__(self) -> str:
        sizes = f"D = {self.dims}, C = {self.classes}, T = {self.passes}"
        return f"{self.query:,} of {self.pool:,} ({sizes}, {self.labelled:,} labelled, {self.made})"


#: Clusters whose spectrum decays, and what is made by `yardsticks.modern`.
DECAYING, MODERN, NUMBERS = "decaying", "modern", "modern numbers"
_HEAVY = ("k_center", "badge", "k_means", "typiclust", "prob_cover", "facility_location")
_GROWS = ("k_center", "badge", "k_means", "typiclust", "facility_location")

WORKLOADS: dict[str, list[Work]] = {
    "a": [Work(50_000, 1_000, dims=512)],
    "b": [Work(1_000_000, 10_000, only=("entropy", "margin", "bald"))],
    "c": [Work(1_000_000, 10_000, dims=128)],
    "g": [Work(1_000_000, 10_000, dims=128, only=("k_center", "badge"), made=DECAYING)],
    "e": [
        Work(100_000, 1_000, 768, 500, 20, 100, (*_HEAVY, "epig", "batch_bald"), MODERN),
        Work(100_000, 1_000, 768, 500, 20, 100, ("k_center", "igs"), NUMBERS),
    ],
    "f": [Work(1_000_000, 5_000, 384, 500, 20, 100, _HEAVY, MODERN)],
    "n": [
        Work(rows, 500, 128, 500, 20, 100, _GROWS, MODERN)
        for rows in (10_000, 31_623, 100_000, 316_228, 1_000_000)
    ],
    "d": [Work(10_000, query, only=("batch_bald",)) for query in (10, 100)],
}


# ------------------------------------------------------------------------------- inputs


def view_of(work: Work, names: Iterable[str], make: type[ArrayView] = ArrayView) -> ArrayView:
    """A pool and a labelled set that hold the arrays named."""
    if work.made in (MODERN, NUMBERS):
        return _modern(work, names, make)
    labelled = _arrays(work, names, work.labelled, "labelled")
    classes = tuple(map(str, range(work.classes)))
    labels = _draw("labels").choice(classes, work.labelled).tolist()
    return make(
        [f"{row:09d}" for row in range(work.pool)],  # there may be no array to count
        labelled=make(
            [f"l{row:06d}" for row in range(work.labelled)],
            labels=labels,
            classes=classes,
            **labelled,
        ),
        classes=classes,
        target_samples=_arrays(work, ["samples"], TARGETS, "targets")["samples"],
        **_arrays(work, names, work.pool, "pool"),
    )


def _modern(work: Work, names: Iterable[str], make: type[ArrayView]) -> ArrayView:
    numbers, names = work.made == NUMBERS, [name for name in names if name in _MADE]
    made = yardsticks.modern(
        work.pool, work.dims, work.classes, work.labelled, work.passes, SEED, numbers=numbers
    )
    arrays = {part: {name: made[part][name]() for name in names} for part in ("pool", "labelled")}
    classes = () if numbers else tuple(map(str, range(work.classes)))
    labels = made["labelled"]["probabilities"]()
    kind = "number" if numbers else "class"
    known = labels[:, 0].tolist() if numbers else [str(c) for c in labels.argmax(axis=1)]
    targets = made["targets"]["samples"]() if "samples" in names else None
    return make(
        [f"{row:09d}" for row in range(work.pool)],
        labelled=make(
            [f"l{row:06d}" for row in range(work.labelled)], labels=known, kind=kind,
            classes=classes, **arrays["labelled"],
        ),
        classes=classes, kind=kind, target_samples=targets, **arrays["pool"],
    )  # fmt: skip


#: Arrays that `yardsticks.modern` makes.
_MADE = ("embeddings", "features", "probabilities", "samples", "committee")


def _draw(*names: str) -> np.random.Generator:
    return np.random.default_rng([SEED, *(zlib.crc32(name.encode()) for name in names)])


def _arrays(work: Work, names: Iterable[str], rows: int, part: str) -> dict[str, np.ndarray]:
    """The arrays named, [rows, …]; each is drawn by itself, so it is the same among others."""
    sizes = _draw("clusters").dirichlet(np.ones(CLUSTERS))
    cluster = _draw("cluster", part).choice(CLUSTERS, rows, p=sizes)
    tails: dict[str, tuple[int, ...]] = {
        "probabilities": (work.classes,),
        "samples": (work.passes, work.classes),
        "committee": (MEMBERS, work.classes),
        "embeddings": (work.dims,),
        "features": (work.dims,),
        "losses": (),
        "costs": (),
    }
    found = {}
    for name in names:
        tail = tails[name]
        centres = 2 * _draw("centres", name).standard_normal((CLUSTERS, *tail), np.float32)
        draw, array = _draw(name, part), np.empty((rows, *tail), np.float32)
        if work.made == DECAYING and tail:
            spectrum = np.arange(1, tail[-1] + 1, dtype=np.float32) ** np.float32(-0.6)
            centres *= spectrum
        for start in range(0, rows, BLOCK):
            block = array[start : start + BLOCK]
            draw.standard_normal(block.shape, np.float32, out=block)
            if work.made == DECAYING and tail:
                block *= spectrum
            block += centres[cluster[start : start + BLOCK]]
            if name in ("probabilities", "samples", "committee"):
                np.exp(block, out=block)
                block /= block.sum(axis=-1, keepdims=True)
            elif not tail:  # losses and costs are above zero
                np.exp(block / 4, out=block)
        found[name] = array
    return found


class Noting(ArrayView):
    """Notes which arrays are read, of it and of what is narrowed from it."""

    noted: set[str] = set()

    def __getattr__(self, name: str) -> np.ndarray:
        found = super().__getattr__(name)
        self.noted.add(name)
        return found

    def narrow(self, rows: np.ndarray | slice) -> ArrayView:
        part = super().narrow(rows)
        part.__class__ = Noting
        return part


@dataclass(frozen=True)
class Traits:
    """What a small query told of a strategy: the arrays it reads, and whether it draws."""

    reads: tuple[str, ...]
    draws: bool


def traits(name: str) -> Traits:
    """Try the strategy on a few samples.

    Raises:
        AlError: it needs more than arrays.
    """
    Noting.noted.clear()
    work = Work(300, 10, labelled=30, passes=5)
    view = view_of(work, ARRAYS, Noting)
    Noting.noted.clear()
    one, two = (ours(name)(view, work.query, seed) for seed in (1, 2))
    ours(name)(view_of(replace(work, labelled=300), ARRAYS, Noting), work.query, 1)  # may switch
    return Traits(tuple(sorted(Noting.noted)), one.tolist() != two.tolist())


# -------------------------------------------------------------------------- contestants

Call = Callable[[], np.ndarray]
Adapter = Callable[[ArrayView, int, int], Call]


def ours(name: str) -> Callable[[ArrayView, int, int], np.ndarray]:
    strategy = build(name)
    return lambda view, size, seed: strategy(view, size, np.random.default_rng(seed)).positions


def contestants(name: str) -> dict[str, Adapter]:
    """Who can do this strategy; nothing of theirs is imported before they are asked."""
    from benchmarks.peers import PEERS
    from benchmarks.textbook import NAIVE, TEXTBOOK

    def plain(work: Callable[..., np.ndarray]) -> Adapter:
        return lambda view, size, seed: partial(work, view, size, seed)

    found = {"ours": plain(ours(name))}
    for who, can in (("textbook", TEXTBOOK), ("naive", NAIVE)):
        if name in can:
            found[who] = plain(can[name])
    if name in yardsticks.PROTOTYPES:
        found["prototype"] = yardsticks.PROTOTYPES[name]
    return found | {who: its[name] for who, its in PEERS.items() if name in its}


# ------------------------------------------------------------------------ one contestant


def run(job: dict[str, Any]) -> dict[str, Any]:
    """Measure one contestant, in this process."""
    work, limit = Work(**job["work"]), job["limit"]
    adapter = contestants(job["strategy"])[job["contestant"]]
    with suppress(ValueError):  # macOS has no such limit
        most = int(job["memory"] * 1024**3)
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    small = work.small()
    _within(limit, adapter(view_of(small, job["reads"]), small.query, SEED))
    call = adapter(view_of(work, job["reads"]), work.query, SEED)
    with suppress(OSError):  # Linux: the peak from here on
        Path("/proc/self/clear_refs").write_text("5")
    before, seconds, cpu = peak(), list[float](), time.process_time()
    while len(seconds) < job["repeats"] and sum(seconds) < FAST:
        start = time.perf_counter()
        picks = _within(limit, call)
        seconds.append(time.perf_counter() - start)
    return {
        "seconds": statistics.median(seconds),
        "cpu": (time.process_time() - cpu) / len(seconds),
        "calls": len(seconds),
        "mib": peak() - before,
        "picks": np.asarray(picks).tolist(),
    }


def _within(limit: float, call: Call) -> np.ndarray:
    """The call's result; the process ends, wherever it is, when the time is over."""
    signal.setitimer(signal.ITIMER_REAL, limit)
    found = call()
    signal.setitimer(signal.ITIMER_REAL, 0)
    return found


def in_a_process(job: dict[str, Any]) -> dict[str, Any]:
    """What `run` gives, or {"failed": why}."""
    command = [sys.executable, "-m", "benchmarks.selection", "--run", json.dumps(job)]
    done = subprocess.run(command, text=True, capture_output=True, cwd=ROOT)
    if done.returncode == 0:
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found
    if done.returncode == -signal.SIGALRM:
        return {"failed": f"more than {job['limit']:g} s"}
    last = (done.stderr.strip().splitlines() or [""])[-1]
    if done.returncode == -signal.SIGKILL or "emory" in last:
        return {"failed": f"more than {job['memory']:g} GiB"}
    return {"failed": last[:120]}


# ------------------------------------------------------------------------------- tables


def measure(
    work: Work, names: Sequence[str], who: Sequence[str], by: str = "seconds", **options: Any
) -> list[Row]:
    """A row for each strategy and contestant; ratios are of seconds or "cpu"."""
    rows: list[Row] = []
    base = 0.0
    for name in names:
        about = traits(name)
        found: dict[str, dict[str, Any]] = {}
        able = contestants(name)
        for contestant in (w for w in who if w in able):
            job = {"work": asdict(work), "strategy": name, "contestant": contestant}
            found[contestant] = in_a_process(job | {"reads": about.reads} | options)
            said = found[contestant].get("failed") or f"{shown(found[contestant]['seconds'])} s"
            click.echo(f"{name}, {contestant}: {said}", err=True)
        rows += [row(name, contestant, found, about.draws, by) for contestant in found]
        base = base or found.get("ours", {}).get(by, 0.0) * (name == "k_center")
        for added in rows[len(rows) - len(found) :]:
            own = found[added["contestant"]].get(by)
            added["times k_center"] = own / base if base and own else "–"
    return rows


def row(name: str, who: str, found: dict[str, dict[str, Any]], draws: bool, by: str) -> Row:
    own, base = found[who], found.get("ours", {})
    comparable = "seconds" in own and "seconds" in base
    return {
        "strategy": name,
        "contestant": who,
        "seconds": shown(own["seconds"]) if "seconds" in own else own["failed"],
        "times ours": own[by] / base[by] if comparable else "–",
        "cpu s": shown(own["cpu"]) if "cpu" in own else "–",
        "calls": own.get("calls", "–"),
        "peak MiB": round(own["mib"]) if "mib" in own else "–",
        "picks": same(own["picks"], base["picks"], draws) if comparable else "–",
    }


def shown(seconds: float) -> str:
    """Three digits, from microseconds to hours."""
    return f"{seconds:.3g}" if seconds < 1000 else f"{seconds:.0f}"


def same(picks: Sequence[int], ours: Sequence[int], draws: bool) -> str:
    if list(picks) == list(ours):
        return "same"
    if draws:
        return "drawn"
    shared = len(set(picks) & set(ours))
    return "same set" if shared == len(ours) else f"{shared} of {len(ours)}"


def checks(work: Work, names: Sequence[str]) -> list[Row]:
    """Whether the picks are those of the definition in float64."""
    from benchmarks.textbook import NAIVE, TEXTBOOK

    rows: list[Row] = []
    for name in (name for name in names if name in NAIVE):
        view = view_of(work, traits(name).reads)
        right = NAIVE[name](view, work.query, SEED).tolist()
        whose = {"ours": ours(name), "textbook": TEXTBOOK[name]}
        picks = {who: f(view, work.query, SEED).tolist() for who, f in whose.items()}
        rows.append({"strategy": name} | {w: same(p, right, False) for w, p in picks.items()})
    return rows


def everything() -> list[str]:
    """The catalog; what draws by another's scores, by margin's."""
    based = {n: "base" in signature(strategies.get(n)).parameters for n in strategies.names()}
    return [f"{name}(margin)" if needs else name for name, needs in based.items()]


def usable(names: Sequence[str]) -> list[str]:
    """Those that arrays are enough for; says which are not."""
    found = []
    for name in names:
        try:
            traits(name)
            found.append(name)
        except (AlError, TypeError, ValueError) as error:
            click.echo(f"{name} is left out: {error}", err=True)
    return found


def keep(tables: dict[str, list[Row]]) -> None:
    """The tables as text and as rows, next to what `report` writes."""
    parts = [f"### {title}\n\n{table(rows)}\n" for title, rows in tables.items()]
    (common.RESULTS / "selection.md").write_text("\n".join(parts))
    with (common.RESULTS / "selection.csv").open("w", newline="") as file:
        rows = [{"workload": title} | row for title, rows in tables.items() for row in rows]
        writer = csv.DictWriter(file, list(dict.fromkeys(key for row in rows for key in row)))
        writer.writeheader()
        writer.writerows(rows)


def _listed(context: click.Context, parameter: click.Parameter, text: str | None) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()] if text else []


MODULES = {
    "faiss": "faiss",
    "scikit-activeml": "skactiveml",
    "small-text": "small_text",
    "modAL": "modAL",
    "ALiPy": "alipy",
    "Baal": "baal",
}


def installed(names: Sequence[str]) -> list[str]:
    """Those that can be imported; says which cannot."""
    found = []
    for name in names:
        if name in MODULES and find_spec(MODULES[name]) is None:
            click.echo(f"{name} is not installed and left out", err=True)
        elif name == "prototype" and not yardsticks.there("prototypes"):
            click.echo(f"{yardsticks.FOLDER}/prototypes.py is not there and left out", err=True)
        else:
            found.append(name)
    return found


def makeable(letters: Sequence[str]) -> list[str]:
    """The workloads whose arrays can be made; says which cannot."""
    found = []
    for letter in letters:
        if WORKLOADS[letter][0].made == MODERN and not yardsticks.there("workloads"):
            where = f"{yardsticks.FOLDER}/workloads.py"
            click.echo(f"workload {letter} is left out: {where} is not there", err=True)
        else:
            found.append(letter)
    return found


@click.command(context_settings={"show_default": True})
@click.option("--workload", "workloads", default="a,b,c,d", callback=_listed)
@click.option("--strategy", "names", callback=_listed, help="Default: the workload's.")
@click.option("--contestant", "who", default="ours,textbook", callback=_listed)
@click.option("--repeats", default=5, type=click.IntRange(min=1), help="Of calls under 10 s.")
@click.option("--limit", default=600.0, help="Seconds that a call may take.")
@click.option("--memory", default=12.0, help="GiB that a process may take.")
@click.option("--threads", default=0, help="Of torch; 0 for as many as there are cores.")
@click.option("--cpu", is_flag=True, help="Ratios of the processor's seconds: others use it too.")
@click.option("--quick", is_flag=True, help="A few samples only.")
@click.option("--run", "job", hidden=True)
def main(
    workloads: list[str],
    names: list[str],
    who: list[str],
    repeats: int,
    limit: float,
    memory: float,
    threads: int,
    cpu: bool,
    quick: bool,
    job: str | None,
) -> None:
    """Time strategies of the catalog, and other ways to the same picks."""
    if job:
        click.echo(json.dumps(run(json.loads(job))))
        return
    who, workloads = installed(who), makeable(workloads)
    if threads:
        os.environ["OMP_NUM_THREADS"] = str(threads)  # of the processes that follow
    options: dict[str, Any] = {"repeats": repeats, "limit": limit, "memory": memory}
    options["by"] = "cpu" if cpu else "seconds"
    tables: dict[str, list[Row]] = {}
    for letter in workloads:
        for work in WORKLOADS[letter]:
            given = names or work.only or everything()
            chosen = usable([n for n in given if not work.only or n in work.only])
            if not chosen:
                continue
            asked = work.small(400, 10) if quick else work
            tables[f"{letter}: {asked}"] = measure(asked, chosen, who, **options)
            reduced = asked if quick else replace(work.small(2_000, 100), labelled=100)
            if letter == "a" and (found := checks(reduced, chosen)):
                tables[f"Picks against the definition in float64, {reduced}"] = found
    if not tables:
        raise click.ClickException("nothing to do: no such strategy in these workloads")
    stated = {"threads": threads or os.cpu_count(), "seed": SEED, "repeats": repeats}
    report("selection", tables, limit=limit, **stated)
    click.echo(f"\n{stated['threads']} thread(s), seed {SEED}, median of {repeats} calls at most")
    keep(tables)
    if "n" in workloads:
        grown = {work.pool: tables[f"n: {work}"] for work in WORKLOADS["n"] if not quick}
        draw_growth(grown, common.RESULTS / "selection_growth.png", cpu=cpu)


if __name__ == "__main__":
    main()
