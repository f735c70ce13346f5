"""What `auto-label` has drawn: asked about by it alone, and the campaign's labels afterwards.

An answer of a draw is a label like any other, but from a later cycle on: until the draw is
decided, nothing may learn from it. Which cycle that is stands on the draw's run when it ends.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from al.state import LabelTable
from al.tracking import Run, Store

#: Step of the runs of draws, and reason of the samples in them.
AUTO_LABEL = "auto-label"
DRAWN, ANSWERS = "drawn.parquet", "answers.parquet"


@dataclass(frozen=True)
class Draws:
    """What of the draws is in no cycle's state yet.

    Attributes:
        ids: samples that are asked about, or were.
        labels: the answers of draws that are decided; `cycle` says from which cycle on they
            are labels.
    """

    ids: frozenset[str] = frozenset()
    labels: LabelTable = field(default_factory=LabelTable)

    def joined(self, labels: LabelTable, cycle: int | None = None) -> LabelTable:
        """The labels with the answers that are labels by this cycle; with all where it is None."""
        if not len(self.labels):
            return labels
        frame = self.labels.without(labels.originals.asked).frame
        new = LabelTable(frame if cycle is None else frame[frame["cycle"] <= cycle])
        return labels.released(new.asked).updated(new)


def draw_runs(store: Store, campaign_run: Run) -> list[Run]:
    """The runs of all draws, by the number of the look."""
    found = store.find({"al.step": AUTO_LABEL, "al.campaign_run": campaign_run.id})
    return sorted((r for r in found if "al.look" in r.tags), key=lambda r: r.tags.whole("al.look"))


def draws_of(store: Store, campaign_run: Run, cycle: int) -> Draws:
    """The draws of a campaign whose last closed cycle is this one."""
    ids, labels = set[str](), LabelTable()
    for run in draw_runs(store, campaign_run):
        if not run.finished and "al.drawn" in run.tags:
            ids.update(run.load_table(DRAWN)["id"])
        elif run.finished and (joins := run.tags.whole("al.joins")) > cycle:
            new = LabelTable.load(run.path(ANSWERS)).frame.assign(cycle=joins, collected=joins)
            labels = labels.updated(LabelTable(new))
    return Draws(labels.asked | ids, labels)
