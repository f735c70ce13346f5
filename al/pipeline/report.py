"""What a campaign came to: the learning curve, as a table, a text and a picture."""

from __future__ import annotations

import dataclasses
import hashlib
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from al.errors import without_credentials
from al.pipeline import notebook
from al.pipeline.achieved import TABLE
from al.pipeline.history import changes_of
from al.pipeline.session import Session
from al.report import plus
from al.tracking import Run
from al.tracking.ui import CHARTS, VIEW

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: The learning curve as an artifact of the campaign's run, and the tag that says what it shows.
PICTURE, DRAWN = "learning_curve.png", "al.curve"


@dataclass(frozen=True, repr=False)
class Result:
    """Where a campaign stands.

    Attributes:
        curve: the champion's test metric by number of labels; columns labels and metric.
        version: in Production; None if there is none.
        changes: parameters that changed on the way, and from how many labels on.
        baseline: the same of the campaign that this one is held against.
    """

    campaign: str
    strategy: str
    metric: str
    curve: pd.DataFrame
    model: str
    version: int | None
    validation_labels: int
    tracking_uri: str
    experiment_id: str
    baseline: Result | None = None
    changes: Sequence[tuple[int, str]] = ()

    @classmethod
    def of(cls, session: Session) -> Result:
        """Read from the campaign's run, so that it is the same whoever ran the cycles."""
        metric = session.task.metric
        points = session.run.metric_history(f"test/{metric}")
        champion_record = session.state.champion_record
        return cls(
            campaign=session.config.name,
            strategy=session.config.strategy,
            metric=metric,
            curve=pd.DataFrame(points, columns=["labels", metric]),
            model=session.registry.name,
            version=champion_record.version if champion_record else None,
            validation_labels=len(session.data.ids("val")),
            tracking_uri=without_credentials(session.store.uri),
            experiment_id=session.store.experiment_id,
            changes=changes_of(session),
        )

    def beside(self, baseline: Result) -> Result:
        """This result with another to hold it against."""
        return dataclasses.replace(self, baseline=baseline)

    def log(self, run: Run) -> None:
        """Keep the learning curve with the campaign, as a picture; one that stands is left."""
        shown = f"{self.table().to_json()} {self.metric} {list(self.changes)}"
        drawn = hashlib.sha256(shown.encode()).hexdigest()[:32]
        if not len(self.curve) or (run.tags.get(DRAWN) == drawn and run.has(PICTURE)):
            return
        run.save(lambda folder: self.figure().savefig(folder / PICTURE, dpi=120))
        run.conclude({DRAWN: drawn})

    def __repr__(self) -> str:
        return f"<Result of {self.campaign}: {self.sentence()}>"

    def _repr_html_(self) -> str:
        return notebook.curve(f"{self.campaign}: {self.sentence()}", self.table())

    def sentence(self) -> str:
        """Where the campaign stands, in a line."""
        if not len(self.curve):
            return "no model has been trained yet"
        labels, value = self.curve.iloc[-1][["labels", self.metric]]
        standing = f"test/{self.metric} {value:.3f} at {labels:.0f} labels"
        also = f" ({plus(self.validation_labels)})"
        where = f", models:/{self.model}/{self.version} in Production" if self.version else ""
        return standing + also + where

    def table(self) -> pd.DataFrame:
        """The learning curve by number of labels, a column a strategy."""
        table = self.curve.set_index("labels").rename(columns={self.metric: self.strategy})
        if self.baseline is not None:
            other = self.baseline.curve.set_index("labels")
            table = table.join(other.rename(columns={self.metric: self.baseline.strategy}))
        return table

    def text(self) -> str:
        """The learning curve for a terminal."""
        if not len(self.curve):
            return "no model has been trained yet"
        title = f"test/{self.metric} of the model in Production"
        count = self.validation_labels
        also = f"plus {count} validation labels" if count else plus(count)
        lines = ["", f"{title} ({also})"]
        lines += [self.table().to_string(float_format="{:.3f}".format, na_rep="–")]
        lines += [f"from {labels} labels on: {what}" for labels, what in self.changes]
        if self.version is not None:
            lines += ["", f"in Production: models:/{self.model}/{self.version}"]
        if self.tracking_uri.startswith("http"):
            where = f"{self.tracking_uri.rstrip('/')}/#/experiments/{self.experiment_id}"
            view = f"{where}/{VIEW}{TABLE}{self.metric}"
            lines += [f"curves of all campaigns: {view}{CHARTS}", f"as a table: {view}"]
        else:
            local = self.tracking_uri.startswith("sqlite")  # others may need a password
            store = f" --store {shlex.quote(self.tracking_uri)}" if local else ""
            lines += [f"runs and curves: al ui{store}"]
        return "\n".join(lines)

    def figure(self) -> Figure:
        """The learning curve as a matplotlib figure."""
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator

        figure = Figure(figsize=(6.4, 4.0), layout="constrained")
        axes = figure.subplots()
        for result in (self, self.baseline):
            if result is not None:
                line = "-" if result is self else "--"
                labels, values = result.curve["labels"], result.curve[self.metric]
                axes.plot(labels, values, line, marker="o", markersize=4, label=result.strategy)
        for since, what in self.changes:
            axes.axvline(since, color="0.6", linewidth=0.8, linestyle=":")
            axes.annotate(what, (since, 0.02), xycoords=("data", "axes fraction"), rotation=90,
                          fontsize=7, color="0.4", ha="right", va="bottom")  # fmt: skip
        axes.set(xlabel=f"labels ({plus(self.validation_labels)})",
                 ylabel=f"test {self.metric}", title=self.campaign)  # fmt: skip
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.legend()
        return figure
