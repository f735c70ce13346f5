"""Who answers, and what comes back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import ClassVar

from al.contracts.choosing import Query
from al.contracts.data import DataLoader, Label


@dataclass(frozen=True)
class Answer:
    """One label, and where it came from.

    Attributes:
        seconds: how long it took, where known.
        shown: models:/NAME/VERSION whose prediction the annotator was shown; "" for none.
    """

    id: str
    label: Label
    annotator: str
    answered_at: str  # ISO 8601, UTC
    seconds: float | None = None
    shown: str = ""


@dataclass(frozen=True)
class Answers:
    """What came back so far. Silence is not an error: `waiting` says who is still asked.

    Attributes:
        answered: one answer a sample, which is the one to train on.
        votes: all single answers, where several people answered a sample.
    """

    answered: tuple[Answer, ...] = ()
    skipped: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    votes: tuple[Answer, ...] = ()

    def parted(self, ids: Collection[str]) -> tuple[Answers, Answers]:
        """What is of other samples, and what is of these."""
        mine = frozenset(ids)
        return self._some(mine, among=False), self._some(mine, among=True)

    def _some(self, ids: Collection[str], *, among: bool) -> Answers:
        return Answers(
            tuple(answer for answer in self.answered if (answer.id in ids) is among),
            tuple(id for id in self.skipped if (id in ids) is among),
            tuple(id for id in self.waiting if (id in ids) is among),
            tuple(vote for vote in self.votes if (vote.id in ids) is among),
        )


class Annotator(ABC):
    """Who answers.

    Args:
        data: for previews, and for the oracle the truth.
        campaign: name of the campaign, so that two never mix.
        options: as the user gave them, by name; the names are those of the class's `options`.
    """

    #: What can be given as `annotator_options`: name → help line.
    options: ClassVar[Mapping[str, str]] = {}
    #: Forms of answers that it takes, as kinds of problem name them, `al.kinds.Kind.form`; None
    #: for any. The campaign is refused before it starts where the task's is not among them.
    forms: ClassVar[frozenset[str] | None] = None
    #: Whether a sample can be asked about once more, for the reason `SECOND`; `collect` then
    #: tells the second answer only.
    asks_again: ClassVar[bool] = False
    #: Where the annotator works, for the line that says the pipeline waits.
    where: str = ""
    #: It answers with labels that the data has: it can be asked about these samples alone,
    #: and they count as unlabelled until then.
    is_simulated: ClassVar[bool] = False
    #: What becomes of answers that name new classes, as the parameter of this name says; set by
    #: the pipeline. An annotator hands them over where it is "grow".
    new_classes: str = "refuse"
    #: Looks at the data again, for who serves a page longer than a cycle and is to show samples
    #: that came meanwhile; set by who serves.
    renew: Callable[[], None] | None = None

    def __init__(
        self, data: DataLoader, campaign: str, options: Mapping[str, str] | None = None
    ) -> None:
        self.data = data
        self.campaign = campaign
        self.given = dict(options or {})

    @abstractmethod
    def request(self, query: Query) -> None:
        """Ask about the query; asking again changes nothing."""

    @abstractmethod
    def collect(self, query: Query) -> Answers:
        """What has been answered of the query by now; each id of it is in one of the three.

        The query may also hold ids of earlier cycles, which were asked about then and never
        answered.
        """

    def revised(self, labels: Mapping[str, Label]) -> tuple[Answer, ...]:
        """Answers to samples of earlier cycles that were changed after they were collected.

        Args:
            labels: what was collected, by id; None where the sample was skipped.
        """
        return ()

    def withdraw(self, ids: Sequence[str]) -> None:
        """Samples that are no longer wanted; what has been answered of them stays."""
        return

    def attending(self) -> AbstractContextManager[None]:
        """Open while the pipeline waits: what people need meanwhile, like a page; else nothing."""
        return nullcontext()

    def at_work(self) -> AbstractContextManager[None]:
        """Open while the pipeline works on what was answered: people who wait may be shown so."""
        return nullcontext()

    def serve(self, over: Callable[[bool], bool] | None = None) -> None:
        """Serve a page of its own until people are through.

        Args:
            over: serve until this returns true; it is called twice a second, with whether
                there is nothing to answer.

        Raises:
            NotImplementedError: people work elsewhere.
        """
        raise NotImplementedError

    def invite(self, name: str) -> str:
        """A link of their own to this page for somebody; the same one where they have one.

        Raises:
            ConfigError: that is not a name.
            NotImplementedError: there are no links.
        """
        raise NotImplementedError

    def revoke(self, name: str) -> None:
        """The link of somebody opens nothing any more; what they answered stays.

        Raises:
            ConfigError: nobody of this name is invited.
            NotImplementedError: there are no links.
        """
        raise NotImplementedError
