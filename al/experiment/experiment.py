"""An experiment: its run, the runs of its trials, and what came of them."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Unpack

from al.catalog import engines
from al.config import Config
from al.contracts import Engine
from al.engine import WorkerOf, spread
from al.engine.processes import ProcessEngine
from al.errors import ConfigError, StateError
from al.experiment.leaderboard import Curves, Leaderboard
from al.experiment.page import page
from al.experiment.plan import ALWAYS, Job, Plan, Setting, grid_of, strategies_of
from al.experiment.prepared import alone, look_again, makings_of, settled, task_of, tried
from al.experiment.results import Results, Sizes
from al.experiment.trial import Point, asked_about
from al.keywords import Keywords, with_parameters
from al.pipeline.asking import options_of
from al.pipeline.cycle import ended
from al.progress import bar, showing
from al.sources import code_digest
from al.tracking import Driver, Run, Store, plain_errors, tracking_at

_log = logging.getLogger(__name__)

CURVE = "curve.json"
EXPERIMENT, TRIAL = "experiment", "trial"
_RUNS_ON = ("engine", "engine_options")
PAGE = "experiment.html"


class Experiment:
    """Which strategy pays on a task: campaigns with simulated answers, compared by seed.

        results = al.Experiment(task="digits", strategies="auto; margin", seeds=20).run()
        results.leaderboard()

    The same call goes on with the trials that are there; so do more seeds, more strategies.

    Args:
        strategies: in the race, separated by semicolons; random is always among them.
        seeds: campaigns of each strategy.
        grid: parameters that differ between settings, like "query_size=10,50; head=linear,mlp".
        first: "shared" for one first query for all strategies of a seed; "own" for each its own.
        level: of the metric, to which labels are counted; "auto" for what random has in the end.
        name: of the experiment; "auto" names it after what its trials share.
        workers: processes at once; "auto" for one for each core.
        engine, engine_options: where trials run, as for campaigns; by default in processes of
            this machine.
        tracking_uri, experiment, show_progress, entry: as for `al.Campaign`.
        parameters: those of the campaigns; `promote=always` unless given.

    Raises:
        AlError: from `run`, when something is wrong that can be mended.
    """

    @with_parameters
    def __init__(
        self,
        *,
        strategies: str,
        seeds: int | str = 20,
        grid: str = "none",
        first: str = "shared",
        level: float | str = "auto",
        name: str = "auto",
        workers: int | str = "auto",
        tracking_uri: str | None = None,
        experiment: str | None = None,
        show_progress: bool | None = None,
        entry: str | None = None,
        **parameters: Unpack[Keywords],
    ) -> None:
        given: dict[str, Any] = dict(parameters)
        runs_on = {name: given.pop(name) for name in _RUNS_ON if name in given}
        self._engine = _engine(runs_on, str(workers))
        self._plan = Plan(
            given,
            strategies_of(strategies),
            _whole(seeds, "seeds"),
            grid_of(grid),
            first,
            name,
        )
        self._level = _level(level)
        self._tracking_uri, self._experiment = tracking_uri, experiment
        self._show_progress, self._entry = show_progress, entry

    @property
    def name(self) -> str:
        """The experiment's name."""
        return self._plan.called

    def run(self) -> Results:
        """Run the trials that are missing, and compare all."""
        with plain_errors(), tracking_at(self._tracking_uri), showing(self._show_progress):
            jobs = settled_jobs(self._plan.jobs())
            self._engine.check()
            store = Store(self._experiment, self._entry)
            with self._opened(store, jobs) as run:
                found = _known(store, run, jobs)
                if found:
                    _log.info(f"{len(found)} of {len(jobs)} trials are there already")
                found |= self._missing(store, run, jobs, found)
                results = self._compared(jobs, found)
                _keep(run, results)
        if self._entry is not None:
            _log.info(f"{results.text()}\nthe page: {PAGE} of {store.link(run)}")
        return results

    @contextmanager
    def _opened(self, store: Store, jobs: Sequence[Job]) -> Iterator[Run]:
        """The experiment's run; this process alone works on it."""
        tags = {"al.role": EXPERIMENT, "al.experiment": self.name}
        known = next(iter(store.find(tags)), None)
        driver = Driver(store, self.name).acquire()
        try:
            known = known or next(iter(store.find(tags)), None)
            run = known or store.create(self.name, tags, kind=EXPERIMENT)
            with ended(run, partial(run.end, "FINISHED")):
                run.reopen()
                run.log_params(
                    {
                        "task": _tasks(jobs),
                        "first": self._plan.first,
                        **{n: v for n, v in self._plan.base.items() if n != "task"},
                    }
                )
                yield run
        finally:
            try:
                driver.release()
            finally:
                self._engine.close()

    def _missing(
        self, store: Store, run: Run, jobs: Sequence[Job], known: Mapping[str, Any]
    ) -> dict[str, list[Point]]:
        """Run the trials that are not there, and leave each on record as it ends."""
        missing = [job for job in jobs if job.key not in known]
        found: dict[str, list[Point]] = {}
        with bar(desc="trials", total=len(jobs), initial=len(known), unit="trial") as progress:
            work = WorkerOf(alone, tried)
            for job, points in spread(self._engine, work, missing):
                record(store, run, job, points)
                found[job.key] = points
                progress.update()
                progress.set_postfix_str(str(job))
        return found

    def _compared(self, jobs: Sequence[Job], found: Mapping[str, list[Point]]) -> Results:
        boards: dict[Setting, Leaderboard] = {}
        sizes: dict[Setting, Sizes] = {}
        for setting in self._plan.settings:
            of_setting = [job for job in jobs if job.setting == setting]
            makings = makings_of(of_setting[0].config)
            metric = makings.task.metric
            lower = metric in makings.new_graph().lower
            trials = {
                name: [found[job.key] for job in of_setting if job.strategy == name]
                for name in self._plan.strategies
            }
            curves = Curves.of(trials, metric)
            boards[setting] = Leaderboard.of(curves, metric, lower=lower, level=self._level)
            counts = (len(makings.data.ids(split)) for split in ("val", "test"))
            sizes[setting] = Sizes(len(asked_about(makings.data)), *counts)
        given = {**ALWAYS, **self._plan.base}
        return Results(self.name, _tasks(jobs), self._plan.first, boards, sizes, given)


def settled_jobs(jobs: Sequence[Job]) -> list[Job]:
    """The trials with what `default` and `auto` stand for, as decided by the code and data that
    they are of.

    Raises:
        AlError: one of them would be refused as a campaign.
    """
    look_again()
    made: dict[Any, Any] = {}
    found = []
    for job in jobs:
        # all seeds of a strategy in a setting stand for the same
        key = (job.strategy, job.setting)
        if key not in made:
            config = settled(job.config, telling=not made)
            made[key] = (config, _of_what(config))
        config, of_what = made[key]
        found.append(replace(job, config=config.replace(seed=job.seed), of_what=of_what))
    return found


def _tasks(jobs: Sequence[Job]) -> str:
    """The tasks in words."""
    return ", ".join(dict.fromkeys(job.config.task for job in jobs))


def _of_what(config: Any) -> str:
    """Identity of the data and the code that a trial is of."""
    task, data = task_of(config)
    digest = hashlib.sha256(code_digest(task).encode())
    digest.update(repr(data.spec).encode())
    for split in ("train", "val", "test"):
        ids = data.ids(split)
        for part in (ids, data.fingerprints(ids), data.truth(ids) if split == "test" else ()):
            digest.update(repr(tuple(part)).encode())
    return digest.hexdigest()[:16]


def _known(store: Store, run: Run, jobs: Sequence[Job]) -> dict[str, list[Point]]:
    """The trials that are on record already, by key.

    A record that was cut off is ended, and the trial of a damaged one runs again.
    """
    wanted = {job.key for job in jobs}
    found: dict[str, list[Point]] = {}
    damaged: dict[str, StateError] = {}
    for trial in store.find({"al.role": TRIAL, "al.experiment_run": run.id}):
        trial.settle()
        if trial.finished and (key := trial.tags["al.trial"]) in wanted:
            try:
                found[key] = trial.load_json(CURVE, list[Point])
            except StateError as error:
                damaged[key] = error
    for key in damaged.keys() - found.keys():
        _log.warning(f"a trial runs again: {str(damaged[key]).rpartition(':')[0]}")
    return found


def record(store: Store, parent: Run, job: Job, points: Sequence[Point]) -> None:
    """A run of the trial, with its curve over labels; the mark that it is whole comes last."""
    tags = {"al.role": TRIAL, "al.experiment_run": parent.id, "al.trial": job.key}
    run = store.create(f"{job.strategy} seed{job.seed}", tags, parent=parent.id, kind=TRIAL)
    run.log_params(job.config.to_dict())
    for point in points:
        run.log_metrics({f"test/{n}": v for n, v in point.test.items()}, point.labels)
    run.save_json(CURVE, [asdict(point) for point in points])
    run.finish()


def _keep(run: Run, results: Results) -> None:
    """Leave the results on the experiment's run."""
    run.save(partial(_write, results))
    board, *more = results.boards.values()
    if not more:
        run.log_metrics(_metrics(board), board.seeds)
    run.describe(results.sentence())


def _metrics(board: Leaderboard) -> dict[str, float]:
    found: dict[str, float] = {}
    for row in board.rows:
        name = re.sub(r"[^\w\-. ]", "_", row.strategy)
        found[f"experiment/area/{name}"] = row.area.value
        if row.against_random is not None:
            found[f"experiment/less_random/{name}"] = row.against_random.mean.value
        if row.saving is not None:
            found[f"experiment/saving/{name}"] = row.saving.value
    return found


def _write(results: Results, folder: Path) -> None:
    results.leaderboard().to_csv(folder / "leaderboard.csv", index=False)
    results.curves().to_csv(folder / "curves.csv", index=False)
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    (folder / PAGE).write_text(page(results, now), encoding="utf-8")
    for number, setting in enumerate(results.boards):
        which = f"_{number}" if setting else ""
        results.figure(setting).savefig(folder / f"curves{which}.png", dpi=120)


def _engine(given: Mapping[str, Any], workers: str) -> Engine:
    """Where trials run, each on one thread."""
    config = Config.from_dict(given)
    if config.engine == "local":
        return ProcessEngine({"workers": workers})
    kind = engines.get(config.engine)
    options = options_of(config, kind.options, "engine")
    if workers != "auto" and "workers" in kind.options:
        options = {"workers": workers, **options}
    if "cpus" in kind.options:
        options = {"cpus": "1", **options}
    made: Engine = kind(options)
    return made


def _whole(value: int | str, name: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise ConfigError(f"{name}={value!r} is not a whole number: give 20, say") from None


def _level(value: float | str) -> float | None:
    if value == "auto":
        return None
    try:
        return float(value)
    except ValueError:
        raise ConfigError(f"level={value!r} is not a number: give one, or auto") from None
