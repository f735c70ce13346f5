"""A campaign, opened: what its steps share."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import torch

from al.cells import save_table
from al.config import Config
from al.contracts import (
    Annotator,
    Criterion,
    DataLoader,
    Engine,
    Graph,
    Kept,
    Split,
    Splits,
    Task,
)
from al.errors import DataError, StateError
from al.graphs import Crossed
from al.kinds import Kind, kind_of
from al.pipeline.changes import PEOPLE
from al.pipeline.draws import Draws
from al.pipeline.gathered import Gathered
from al.pipeline.growing import KNOWS, tell_in_data
from al.pipeline.making import Makings, freeze, tell_gone
from al.pipeline.notices import Notices
from al.pipeline.pools import Pools, unasked
from al.pipeline.seen_data import SeenData, some
from al.pipeline.steps import Step
from al.pipeline.stopping import StopRule
from al.pipeline.workers import CampaignModel, CampaignRecipe, ModelRecipe, Weights, embed
from al.registry import Registry
from al.state import (
    GIVEN,
    Contents,
    LabelTable,
    State,
    changed_labels,
    of_copies,
    with_copies,
    with_written,
)
from al.tracking import Driver, Run, Store

_log = logging.getLogger(__name__)


@dataclass
class Session:
    """What the steps of a campaign share.

    Attributes:
        stop_rules: what ends the campaign.
        lower: less of the task's metric is better.
        share: the metric goes from 0 to 1.
        steps: the steps of a cycle in their order.
        run: the campaign's run.
        driver: the right of this process to drive the campaign; None where it only looks.
        state: where the campaign stands after its last closed cycle.
        open_run: run of the cycle that another process left open.
        draws: what `auto-label` has drawn, as far as no state holds it.
        notices: what tells people what happens.
        begun: how the campaign began.
        changes: parameters that differ from that, as `config` has them.
        next_changes: the same from the next cycle on.
        seen: run that last put the training ids on record.
        seen_data: what was seen of a user's own data.
        history: metrics of all closed cycles, once the stop rules have asked for them.
        seen_contents: identity of what each training sample holds, once it was asked for.
        pools: those that labels have left of the data as it is.
        corrected: labels that the data says otherwise since the last cycle, in words.
        classes: those known beside the ones that the campaign began with.
        recipe: what workers make models of, on the data as it was looked at last.
        gathered: what was read for the report.
    """

    config: Config
    store: Store
    task: Task
    data: DataLoader
    splits: Splits
    annotator: Annotator
    criterion: Criterion
    stop_rules: tuple[StopRule, ...]
    lower: bool
    share: bool
    device: torch.device
    engine: Engine
    steps: tuple[Step, ...]
    run: Run
    driver: Driver | None
    registry: Registry
    state: State
    open_run: Run | None
    notices: Notices
    begun: Config
    changes: Mapping[str, Any]
    next_changes: Mapping[str, Any]
    draws: Draws = field(default_factory=Draws)
    seen: Run | None = None
    seen_data: SeenData = field(default_factory=SeenData)
    history: list[Mapping[str, float]] | None = None
    seen_contents: Contents | None = None
    pools: Pools = field(default_factory=Pools)
    corrected: Sequence[str] = ()
    classes: tuple[str, ...] = ()
    recipe: CampaignRecipe = field(init=False)
    gathered: Gathered = field(default_factory=Gathered)

    def __post_init__(self) -> None:
        if self.engine.apart:
            self.data.embed_by(
                lambda parts: embed(self.engine, self.recipe, parts), self.engine.processor
            )
        self.recipe = CampaignRecipe(self.makings, self.splits, self.engine.device)

    @property
    def people_since(self) -> int:
        """The first cycle in which people answer, where the data's labels did before; else 0."""
        return self.run.tags.whole(PEOPLE, 0)

    @property
    def outdated(self) -> bool:
        """The next cycle is to be another session's, as its parameters are others."""
        return self.changes != self.next_changes

    def grow(self, classes: Sequence[str]) -> None:
        """Know these classes from now on, and let the annotator know them."""
        if new := [name for name in classes if name not in self.data.spec.classes]:
            self.classes = (*self.classes, *new)
            self.data.grow(new)
            freeze(self.data, self.splits, self.config.missing, tell=False)
            self.recipe = CampaignRecipe(self.makings, self.splits, self.engine.device)
            made = type(self.annotator)(self.data, self.config.name, self.annotator.given)
            made.new_classes, self.annotator = self.annotator.new_classes, made

    def knows_all(self, version: int) -> bool:
        """Whether a version knows all classes that there are by now."""
        known = self.registry.tag(version, KNOWS) if self.classes else None
        begun_with = len(self.data.spec.classes) - len(self.classes)
        return not self.classes or int(known or begun_with) == len(self.data.spec.classes)

    def look_again(self, *, begins: bool = False) -> None:
        """See the data as it is now: samples may have appeared, moved and vanished.

        Args:
            begins: a cycle, which knows classes that the data names by now.

        Raises:
            DataError: labelled, validation or test samples have vanished, and `missing` is stop.
        """
        self.data.refresh()
        self.settle()
        if begins and (new := self.data.unknown()):
            tell_in_data(new, self.data, self.state.cycle + 1)
            self.grow(list(new))
            self.settle()
        tell = self.driver is not None  # who only looks, looks often
        if gone := self.data.missing(self.state.labels.originals.ids):
            tell_gone(gone, "labelled", self.config.missing, tell=tell)
        known = self.draws.joined(self.state.labels, self.state.cycle + 1)
        labels = self.with_written(known, self.seen_data.before, self.data.seen())
        self.corrected = _corrected(known, labels, kind_of(self.data.spec))
        self.state = replace(self.state, labels=self.with_copies(labels))
        self._hear_written()

    def settle(self) -> None:
        """Go by what was seen of the data before: ids, and the labels of an open cycle.

        Raises:
            DataError: validation or test samples have vanished, and `missing` is stop.
        """
        self.pools = Pools()  # data of one's own may change what it holds in place
        own = self.state.labels.originals.asked | self.draws.ids
        self.seen_data.settle(self.data, own.union(self.splits.val, self.splits.test))
        tell = self.driver is not None
        freeze(self.data, self.splits, self.config.missing, tell=tell)
        if (known := self.seen_contents) is not None:
            ids = self.data.ids("train")
            same = known.ids is ids and known.marks is self.data.fingerprints(ids)
            self.seen_contents = known if same else None
        self.recipe = CampaignRecipe(self.makings, self.splits, self.engine.device)

    def _hear_written(self) -> None:
        """Let labels count that were written into the data for samples that people were asked
        about to judge models; the champion's figures are measured anew then."""
        before, now, state = self.seen_data.before, self.data.seen(), self.state
        if before is None or not now or not self.splits.asked:
            return
        changed = changed_labels(before, now, self.splits.asked)
        at = datetime.now(UTC).isoformat(timespec="seconds")
        held_out = with_written(state.held_out, changed, state.cycle + 1, at)
        if held_out is not state.held_out:
            record = state.champion_record
            record = replace(record, test={}) if record else None
            self.state = replace(state, held_out=held_out, champion_record=record)
        self.hear(held_out)

    def hear(self, held_out: LabelTable) -> None:
        """Judge models by these answers, where people are asked about validation and test.

        Args:
            held_out: see `State.held_out`; copies of these samples have the same answer.
        """
        if self.splits.answers is None:
            return
        own = dict(zip(held_out.ids, held_out.labels, strict=True))
        marks = self._held_out_marks()
        by_mark = {marks[id]: label for id, label in own.items() if id in marks}
        self.splits = replace(
            self.splits,
            answers=own | {id: by_mark[mark] for id, mark in marks.items() if mark in by_mark},
        )
        freeze(self.data, self.splits, self.config.missing, tell=False)
        self.recipe = CampaignRecipe(self.makings, self.splits, self.engine.device)

    @property
    def to_judge(self) -> dict[str, Split]:
        """Validation and test samples that people are still to be asked about, with their split;
        of copies one."""
        marks = self._held_out_marks()
        known = {marks[id] for id in self.state.held_out.asked if id in marks}
        firsts = {mark: id for id, mark in reversed(marks.items()) if mark not in known}
        val = {*self.splits.val}
        return {id: "val" if id in val else "test" for id in sorted(firsts.values())}

    def _held_out_marks(self) -> dict[str, str]:
        """Identity of what each sample holds that people are asked about to judge models."""
        asked = self.splits.asked
        ids = sorted(asked.difference(self.data.missing(sorted(asked))))
        marks = self.data.fingerprints(ids) if self.asks_once else ids
        return dict(zip(ids, marks, strict=True))

    def put_on_record(self, run: Run) -> None:
        """Keep what is seen of the data with the run of a cycle, before anything depends on it."""
        if self.seen_data.saw is None:
            self.seen_data.tell(self.data)
            if self.corrected:
                _log.info(
                    f"{len(self.corrected)} labels were corrected in the data "
                    f"({some(self.corrected)}): what was written last counts"
                )
            self.seen_data.put_on_record(run, self.data)

    def with_written(
        self, labels: LabelTable, before: Mapping[str, Kept] | None, now: Mapping[str, Kept]
    ) -> LabelTable:
        """The labels with what was written into the data since it was seen before.

        Args:
            before: None where it was not kept; then labels that the data brought along tell.
        """
        ids = self.data.ids("train")
        if before is None:
            rows = labels.originals.frame
            rows = rows[(rows["annotator"] == GIVEN) & rows["id"].isin(now.keys())]
            brought = dict(zip(rows["id"], map(json.loads, rows["label"]), strict=True))
            before = {**now, **{i: now[i]._replace(label=was) for i, was in brought.items()}}
        changed = changed_labels(before, now, ids)
        if self.asks_once:
            changed |= of_copies(labels, changed, now)
        at = datetime.now(UTC).isoformat(timespec="seconds")
        labels = with_written(labels, changed, self.state.cycle + 1, at)
        if self.annotator.is_simulated:
            return labels
        if not now:
            return labels.with_given(self.data.given() or {})
        return labels.with_given({i: now[i].label for i in ids if now[i].label is not None})

    def present(self, labels: LabelTable) -> LabelTable:
        """The labels whose samples are there; all labels are kept, whatever vanishes."""
        return labels.without(self.data.missing(labels.ids))

    @property
    def contents(self) -> Contents:
        """Identity of what each training sample holds, by id."""
        if self.seen_contents is None:
            ids = self.data.ids("train")
            self.seen_contents = Contents(ids, self.data.fingerprints(ids))
        return self.seen_contents

    @property
    def asks_once(self) -> bool:
        """Whether exact copies are asked about once, with one answer for all."""
        return self.config.copies == "once"

    def with_copies(self, labels: LabelTable) -> LabelTable:
        """The labels, and those that copies of these samples have by them."""
        return with_copies(labels, self.contents) if self.asks_once else labels

    @property
    def pool(self) -> tuple[str, ...]:
        """Ids that may be asked about: all training ids less those ever answered or skipped, and
        less copies of these."""
        return self.unasked(self.state.labels)

    def unasked(self, labels: LabelTable) -> tuple[str, ...]:
        """The pool that these labels leave."""
        known = self.data.given() if self.annotator.is_simulated else None
        ids, drawn = self.data.ids("train"), self.draws
        contents = self.contents if drawn.ids and self.asks_once else None

        def derived() -> tuple[str, ...]:
            left = unasked(ids, labels.asked, known)
            return self.apart(left, drawn.ids - labels.asked)

        return self.pools.of((ids, labels, known, drawn, contents), derived)

    def apart(self, ids: Sequence[str], others: Collection[str]) -> tuple[str, ...]:
        """These ids without the others and their copies."""
        if not others:
            return tuple(ids)
        if self.asks_once:
            held = {self.contents[id] for id in others if id in self.contents}
            return tuple(id for id in ids if id not in others and self.contents[id] not in held)
        return tuple(id for id in ids if id not in others)

    @property
    def tags(self) -> dict[str, str]:
        """How a later process finds this campaign's runs."""
        return {"al.campaign": self.config.name, "al.campaign_run": self.run.id}

    @property
    def closed(self) -> str:
        """How the last cycle ended, in words."""
        if not self.state.cycle:
            return "no cycle has begun"
        also = "" if self.state.retrained else ", not retrained"
        return f"cycle {self.state.cycle} is closed{also}"

    @property
    def makings(self) -> Makings:
        """What the campaign's models are made of."""
        return Makings(self.config, self.task, self.data, self.criterion, self.device)

    def new_graph(self) -> Graph:
        """A graph of the task with random weights, on the device."""
        return self.makings.new_graph()

    def model(
        self,
        graph: Graph,
        uri: str,
        digest: str,
        makings: Makings | None = None,
        crossed: Crossed | None = None,
    ) -> CampaignModel:
        """A model to run over many samples, wherever the engine does that.

        Args:
            uri, digest: of its weights, from which it is made elsewhere.
            makings: what it was made of; by default what this cycle's are.
            crossed: its copies that judge labels.
        """
        weights = Weights(self.store.uri, uri, digest)
        recipe = self.recipe
        if makings is not None and makings.config != self.config:
            recipe = CampaignRecipe(makings, self.splits, self.engine.device)
        return CampaignModel(ModelRecipe(recipe, weights, here=graph), self.engine, crossed)

    def save_promotions(self) -> None:
        """Keep the history of promotions with the campaign, for those who look there."""
        table = self.registry.promotions.table()
        self.run.save(lambda folder: save_table(table, folder / "promotions.csv"))

    def attach_project_run(self) -> None:
        """Put the run of `mlflow run` into the tree where no new run took its place."""
        tags = {**self.tags, "al.role": "step", "al.step": str(self.store.entry)}
        self.store.attach_offered(self.run, tags)


def _corrected(before: LabelTable, after: LabelTable, kind: Kind) -> list[str]:
    """What was in a table and is otherwise now, in words."""
    if after is before:
        return []
    changed = after.originals.since(before).frame
    known = before.originals.frame
    known = known[known["id"].isin(changed["id"].tolist())]
    was = dict(zip(known["id"].tolist(), known["label"].tolist(), strict=True))
    changed = changed[changed["id"].isin(was.keys())]
    pairs = zip(changed["id"], changed["label"], strict=True)
    return [f"{id!r}: {_shown(was[id], kind)} is {_shown(label, kind)} now" for id, label in pairs]


def _shown(label: str, kind: Kind) -> str:
    return kind.in_line(json.loads(label)) if label else "no label"


def check_labels(labels: LabelTable, data: DataLoader, more: Sequence[str] = ()) -> LabelTable:
    """The labels, each of which the data knows.

    Args:
        more: classes that it will know.

    Raises:
        StateError: a saved label is not valid for this data set.
    """
    known = kind_of(replace(data.spec, classes=(*data.spec.classes, *more)))
    for text in labels.frame["label"][labels.frame["status"] == "answered"].unique():
        try:
            label = json.loads(text)
            known.check(label) if more else data.check_label(label)
        except DataError as error:
            raise StateError(f"the saved labels are damaged ({error}): restore them") from error
    return labels
