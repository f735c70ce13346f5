"""A campaign: cycles until there are enough, and what can be asked of it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Unpack

import pandas as pd

from al.config import DEFAULT, Config
from al.errors import AlError, CampaignBusy, ConfigError
from al.exports import table_of
from al.keywords import Keywords, with_parameters
from al.pipeline import notebook
from al.pipeline.achieved import tell_achieved
from al.pipeline.asking import reached
from al.pipeline.auto_label import auto_label
from al.pipeline.beside import Beside
from al.pipeline.cycle import begin_cycle, ended, open_cycle
from al.pipeline.driving import advance, run_missing
from al.pipeline.history import stop_reason
from al.pipeline.identifying import name_of
from al.pipeline.labels_out import export_labels, labels_of, queries_of
from al.pipeline.look_record import Promise, whole
from al.pipeline.measuring import AUTO
from al.pipeline.notices import failure
from al.pipeline.opening import look_into, open_session, promotions_of, tell_unopened
from al.pipeline.predicting import predict
from al.pipeline.report import Result
from al.pipeline.reporting import BASELINE, complete, report
from al.pipeline.session import Session
from al.pipeline.sharing import score_share
from al.pipeline.spans import span
from al.pipeline.steps import STEPS, Step, step_named
from al.pipeline.watch import Reasons, decide, keep_watch
from al.progress import showing
from al.scratch import scratch_folder
from al.tracking import plain_errors, tracking_at

_log = logging.getLogger(__name__)


class Campaign:
    """The cycles of one task under one configuration and seed.

    The same parameters always mean the same campaign, so making this object again, in
    another process or on another machine, goes on where it stands.

        result = al.Campaign(task="digits", strategy="margin").run()
        result.curve

    Args:
        tracking_uri: as MLflow knows it; MLflow's own setting by default.
        experiment: name of the MLflow experiment; MLflow's own setting by default.
        show_progress: bars on or off; by default on a terminal and in a notebook.
        entry: entry point that this object serves, where `mlflow run` started the process.
        parameters: fields of `al.config.Config`; `cycles=20` and the like.

    Raises:
        AlError: from every method, when something is wrong that can be mended.
    """

    #: The steps of a cycle in their order; a subclass may have others.
    steps: ClassVar[tuple[Step, ...]] = STEPS

    @with_parameters
    def __init__(
        self,
        *,
        tracking_uri: str | None = None,
        experiment: str | None = None,
        show_progress: bool | None = None,
        entry: str | None = None,
        **parameters: Unpack[Keywords],
    ) -> None:
        self._config = Config.from_dict(parameters)
        self._result: Result | None = None  # of the last call
        self._given: dict[str, Any] = dict(parameters)
        self._tracking_uri = tracking_uri
        self._experiment = experiment
        self._entry = entry
        self._show_progress = show_progress

    @cached_property
    def name(self) -> str:
        """The campaign's name; the data is looked at where its kind of problem decides it."""
        return name_of(self._given)

    def __repr__(self) -> str:
        return f"<Campaign {self._called}: {self._config.task} by {self._config.strategy}>"

    def _repr_html_(self) -> str:
        """Where it stood at the end of the last call, as asking the server takes time."""
        known = {"task": self._config.task, "strategy": self._config.strategy}
        if self._result is not None:
            known["stands"] = self._result.sentence()
        return notebook.facts(f"Campaign {self._called}", known)

    @property
    def _called(self) -> str:
        """Its name, as far as it is known without a look at the data."""
        if "name" in vars(self) or self._config.named:
            return self.name
        return f"of {self._config.task}"

    def run(self) -> Result:
        """Run the cycles that are missing, then those of the baseline, and report.

        Where people have not answered yet, say so and return; the next call goes on.
        """
        with self._opened() as session:
            # A cycle that is open ends as it began; the next is opened with what has changed.
            older = open_cycle(session) if session.outdated else None
            again = older is not None and advance(older)
            complete = older is None and run_missing(session)
            result = Result.of(session)
            config = session.config
            compared = config.annotator == "oracle" and config.baseline != "none"
            if complete and compared and config.baseline != config.strategy:
                _log.info(f"for comparison, the same with {config.baseline}:")
                baseline = self._baseline(config)
                session.run.set_tags({BASELINE: baseline.name})
                result = result.beside(baseline.run())
                session.gathered.baseline = None  # it may have gone on
                tell_achieved(session)
            result.log(session.run)
        if again:
            return self.run()
        self._result = result
        if self._entry == "main" or (self._entry is None and result.baseline is not None):
            _log.info(result.text())
        return result

    def cycle(self) -> Result:
        """Exactly one cycle: the open one to its end, or the next."""
        with self._opened() as session:
            cycle = open_cycle(session)
            if cycle is None and session.pool and (reason := stop_reason(session)):
                _log.info(f"{reason}, which would end main; here is one cycle more")
            advance(cycle or begin_cycle(session))
            self._result = Result.of(session)
        return self._result

    def step(self, name: str) -> None:
        """One step of the open cycle; the first one opens the next cycle."""
        step, opening = step_named(name, self.steps), self.steps[0]
        first = step is opening
        with self._opened(create=first) as session:
            cycle = open_cycle(session) or (begin_cycle(session) if first else None)
            if cycle is not None:
                advance(cycle, step)
            else:
                _log.info(f"nothing to do: {session.closed}; {opening.name} starts the next cycle")

    def watch(
        self,
        *,
        poll: str = "60s",
        samples: int | str = 0,
        schedule: str = "off",
        wake: threading.Event | None = None,
    ) -> None:
        """Stay up and run a cycle when there is reason; returns when a stop rule ends it.

        Between two cycles nothing is held: other commands may work on the campaign.

        Args:
            poll: time between two looks, like "30s" or "10m".
            samples, schedule: what starts a cycle; see `al.pipeline.watch.Reasons`.
            wake: set by who knows that it is time for a look.
        """
        reasons = Reasons.from_text(str(samples), schedule)

        def look() -> tuple[str, bool]:
            with self._settings():
                session = look_into(self._given, experiment=self._experiment, steps=self.steps)
                decision = decide(session, reasons)
            if decision.go:
                with self._opened() as session:
                    went_on = advance(open_cycle(session) or begin_cycle(session))
                if went_on and wake is not None:
                    wake.set()
            return decision.why, decision.over

        keep_watch(look, span(poll, "poll"), wake)

    def page(self, *, watch: str = "off", invite: str = "none", revoke: str = "none") -> None:
        """Serve the annotator's page; the campaign is not held, so its commands run beside it.

        Args:
            watch: "on" also watches the campaign, from its first cycle, in a process beside.
            invite: instead, print a link of their own for each of these people, who are parted
                by commas.
            revoke: instead, let the links of these people open nothing any more.

        Raises:
            ConfigError: there is no such campaign, or its annotator has no page.
        """
        if watch not in ("on", "off"):
            raise ConfigError(f"watch={watch!r}: give on or off")
        spec = {
            "of": f"{type(self).__module__}:{type(self).__qualname__}",
            "tracking_uri": self._tracking_uri,
            "experiment": self._experiment,
            "given": self._given,
        }
        with Beside(spec) as driver:
            while (session := self._there(create=watch == "on")) is None:
                driver.begin()
                time.sleep(1)
            annotator = session.annotator
            annotator.renew = session.look_again
            try:
                with reached(session):
                    for name in _names(revoke):
                        annotator.revoke(name)
                        _log.info(f"{name}: the link opens nothing any more; the answers stay")
                    for name in _names(invite):
                        _log.info(f"{name}: {annotator.invite(name)}")
                    if not (_names(invite) or _names(revoke)):
                        annotator.serve(driver.over if watch == "on" else None)
            except NotImplementedError:
                at = f": people work at {annotator.where}" if annotator.where else ""
                kind = session.config.annotator
                raise ConfigError(f"annotator {kind!r} has no page{at}") from None

    def _there(self, create: bool) -> Session | None:
        """The campaign as it stands; None where it has not begun.

        Raises:
            ConfigError: it has not begun, and is not to be.
        """
        with self._settings():
            return look_into(self._given, experiment=self._experiment, create=create)

    def undo(self, reason: str) -> int:
        """Move Production back to the version before; returns which that is.

        Args:
            reason: kept with the version and in the history.

        Raises:
            ConfigError: no reason is given.
            RegistryError: there is no version before.
        """
        if not reason.strip():
            raise ConfigError("undo without a reason: give one, --reason 'why it has to go'")
        with self._opened(create=False) as session:
            last = session.state.champion_record
            version = session.registry.undo(reason.strip(), last.version if last else None)
            session.save_promotions()
            _log.info(
                f"v{version} of {session.registry.name} is in Production again: {reason.strip()}"
            )
        return version

    def history(self) -> pd.DataFrame:
        """Which version was in Production from when to when, by whom and why; only reads."""
        with self._settings():
            return promotions_of(self._given, self._experiment)

    def labels(self) -> pd.DataFrame:
        """All labels that are there by now, with where each came from; only reads.

        Columns are those of `al.state.columns`, of which `label` is JSON; masks and boxes of
        images of one's own are in the square that is learned, `export` has them as they are.
        """
        with self._looked_into() as session:
            return table_of(labels_of(session))

    def queries(self) -> pd.DataFrame:
        """What each cycle asked about, by what score and why; a row a sample; only reads."""
        with self._looked_into() as session:
            return queries_of(session)

    def export(
        self, format: str = "csv", to: str = "auto", images: str = "on", auto: str = "off"
    ) -> Path:
        """Write all labels that are there by now in a format of the field; only reads.

        Args:
            format: a name of the catalog `al.catalog.formats`.
            to: a new or empty folder; "auto" names it after campaign and format.
            images: "off" leaves images out where the format can do without.
            auto: "on" adds the labels that `auto_label` gave last, marked as a model's.

        Raises:
            ExportError: the labels cannot leave in that format, or not to that place.
        """
        with self._looked_into() as session:
            return export_labels(session, format, to, images, auto)

    def report(self, to: str = "none") -> Path | None:
        """Write the report anew, to the campaign's run; returns the page, where `to` is a folder.

        Nobody has to stop for it: the campaign may be driven meanwhile.

        Args:
            to: a new or empty folder to write it into as well; or "none".

        Raises:
            ConfigError: the campaign has closed no cycle yet.
            ExportError: it cannot be written to that place.
        """
        with self._looked_into() as session:
            return report(session, to)

    def predict(self, to: str = "auto", samples: str = "rest") -> Path:
        """Write what the version in Production says of samples without a label; only reads.

        Killed, the same call goes on.

        Args:
            to: a folder for parquet files; "auto" names it after campaign and version.
            samples: "rest" for training samples without a label, "all" for all that there are.

        Raises:
            RegistryError: no version is in Production.
            ExportError: the folder holds something else.
        """
        with self._looked_into() as session:
            return predict(session, to, samples)

    def score(self, shard: str = "0/1") -> None:
        """Score a share of the pool for the next query, beside other such processes; only reads.

        Args:
            shard: which share, like "3/8", from 0 on.

        Raises:
            RegistryError: no version is in Production.
            DataError: another process makes this share.
        """
        with self._looked_into() as session:
            score_share(session, shard)

    def predictions(self, samples: str = "rest") -> pd.DataFrame:
        """What the version in Production says of samples, as `predict` writes it; only reads.

        Args:
            samples: as for `predict`.

        Raises:
            RegistryError: no version is in Production.
        """
        with scratch_folder() as scratch:
            return pd.read_parquet(self.predict(f"{scratch}/predictions", samples))

    def auto_label(
        self,
        error: float | str = 0.02,
        confidence: float | str = 0.95,
        *,
        per_class: str = "off",
        draw: int | str = 500,
        to: str = "auto",
        format: str = "parquet",
    ) -> Path | None:
        """Label with the version in Production what a fresh draw shows it to be good enough for.

        Where people have to answer the draw first, say so and return; the next call goes on.

        Args:
            error, confidence: the share of its labels that may be wrong, and how sure that is.
            per_class: "on" to hold it in each class.
            draw: answers that are asked for at most, of each class with `per_class`.
            to: a folder; "auto" names it after campaign and look.
            format: "parquet" or "csv".

        Returns:
            The folder; None where nothing is labelled, or not yet.

        Raises:
            ConfigError: labels are not classes, a value is out of range or the draw too small.
            RegistryError: no version is in Production.
            ExportError: the folder holds something else.
        """
        promise = Promise.of(error, confidence, per_class)
        most = whole(draw, "draw")
        with self._opened(create=False) as session:
            return auto_label(session, promise, most, to, format)

    # -- how -------------------------------------------------------------------------------

    @contextmanager
    def _settings(self) -> Iterator[None]:
        """What holds while a method runs: the store, bars on or off, errors in a line."""
        with plain_errors(), tracking_at(self._tracking_uri), showing(self._show_progress):
            yield

    @contextmanager
    def _looked_into(self) -> Iterator[Session]:
        """The campaign as it stands, for reading only; an error if it does not exist."""
        with self._settings():
            session = look_into(self._given, experiment=self._experiment, create=False)
            assert session is not None  # else it has raised
            try:
                yield session
            finally:
                session.engine.close()

    @contextmanager
    def _opened(self, *, create: bool = True) -> Iterator[Session]:
        """The campaign, opened, and its run left in a state that says how it stands."""
        with self._settings():
            try:
                session = open_session(
                    self._given,
                    experiment=self._experiment,
                    entry=self._entry,
                    create=create,
                    steps=self.steps,
                )
            except AlError as error:
                tell_unopened(self._given, self._experiment, error)
                raise
            self.name, self._config = session.config.name, session.config

            def finish() -> None:
                session.run.end("FINISHED" if stop_reason(session) else "SCHEDULED")

            with ExitStack() as last:  # each is done whatever comes of those before it
                last.callback(session.engine.close)
                if session.driver is not None:
                    last.callback(session.driver.release)
                last.callback(session.notices.close)
                try:
                    with ended(session.run, finish):
                        yield session
                        complete(session)
                        session.attach_project_run()
                except CampaignBusy:  # another one goes on
                    raise
                except Exception as error:
                    session.notices.tell(session.run, failure(session.state.cycle + 1, error))
                    raise

    def _baseline(self, config: Config) -> Campaign:
        """The same campaign with the baseline's strategy."""
        auto = self._given.get("campaign", "auto") == "auto"
        other = config.replace(
            strategy=config.baseline,
            baseline="none",
            notify="none",
            promote="not-worse" if config.promote == "ask" else config.promote,
            campaign="auto" if auto else f"{config.name}-{config.baseline}",
            model="auto",
        )
        # It is called what the command without a name would call it, before `auto` was settled.
        default = {"encoder": "auto", "cold_start": DEFAULT, "metric": AUTO}
        named = other.replace(**{n: self._given.get(n, v) for n, v in default.items()}).name
        other = other.replace(campaign=named)
        return type(self)(
            tracking_uri=self._tracking_uri,
            experiment=self._experiment,
            show_progress=self._show_progress,
            **other.to_dict(),
        )


def _names(text: str) -> list[str]:
    """Names out of a list; none is nobody."""
    return [] if text == "none" else [name.strip() for name in text.split(",")]
