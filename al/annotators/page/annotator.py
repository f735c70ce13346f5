"""The annotator of a page in the browser, served from this machine."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from al.annotators.keys import TYPED, keys_of, revisions
from al.annotators.page import look, network
from al.annotators.page.at_work import AtWork
from al.annotators.page.drawing import DRAWN, MARKED, collected
from al.annotators.page.log import AnswerLog, Suggestion
from al.annotators.page.turns import Rule, votes_of
from al.annotators.showing import shown_ranks
from al.annotators.votes import label_of
from al.catalog import annotators
from al.contracts import Annotator, Answer, Answers, DataLoader, Label, Query
from al.errors import ConfigError
from al.kinds import kind_of

if TYPE_CHECKING:
    from al.annotators.page.server import PageServer

_log = logging.getLogger(__name__)

#: Most people who answer a sample.
MOST = 20


@annotators.register("page")
class Page(Annotator):
    """A page in the browser: one sample after the other, answered by keyboard, mouse or touch.

    The pipeline only writes down what it asks; `al page` serves the page, or the
    pipeline itself while it waits.
    """

    options = {
        "folder": "where what is asked and answered is kept, ./annotate/CAMPAIGN by default",
        "overlap": "how many people answer each sample; 1",
        "reviewer": "whose answer counts where the others disagree; needs overlap",
        **network.OPTIONS,
        **look.OPTIONS,
    }
    forms = TYPED | DRAWN | MARKED
    asks_again = True

    def __init__(
        self, data: DataLoader, campaign: str, options: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(data, campaign, options)
        self.network = network.Network.of(self.given)
        self.look = look.Look.of(self.given)
        self.rule = _rule(self.given.get("overlap", "1"), self.given.get("reviewer", ""))
        self.log = AnswerLog(Path(self.given.get("folder", Path("annotate") / campaign)))
        self.where = f"the page that al page --campaign {campaign} serves"

    def request(self, query: Query) -> None:
        keys = keys_of(query)
        suggested = shown_ranks(query, self.data) if self.look.suggest else ()
        self.log.ask(keys, {keys[rank]: _suggestion(query, rank) for rank in suggested})

    def collect(self, query: Query) -> Answers:
        """One label a sample, by the rule; where several people answered, all are votes."""
        heard = self.log.answers()
        answered, skipped, waiting = list[Answer](), list[str](), list[str]()
        votes = list[Answer]()
        for key in keys_of(query):
            entries = heard.get(key, {})
            stands = self.rule.standing(entries)
            if stands == "answered":
                given = votes_of(entries)
                answered.append(self._label_of(given))
                votes += map(self._kept, given) if len(given) > 1 else []
            else:
                (skipped if stands == "skipped" else waiting).append(key[0])
        return Answers(tuple(answered), tuple(skipped), tuple(waiting), tuple(votes))

    def revised(self, labels: Mapping[str, Label]) -> tuple[Answer, ...]:
        """Labels that are others now; the second opinion counts where there is one."""
        given = [
            (key, self._label_of(votes_of(entries)))
            for key, entries in self.log.answers().items()
            if self.rule.standing(entries) == "answered"
        ]
        return revisions(given, labels)

    def _label_of(self, votes: Sequence[Answer]) -> Answer:
        return self._kept(label_of(votes, self.rule.votes, kind_of(self.data.spec)))

    def _kept(self, answer: Answer) -> Answer:
        """The answer as the campaign keeps it; people give it in pixels of what they see."""
        return replace(answer, label=collected(self.data, answer.id, answer.label))

    def withdraw(self, ids: Sequence[str]) -> None:
        self.log.withdraw(ids)

    @contextmanager
    def attending(self) -> Iterator[None]:
        """The page is served while this is open, by this process or another one."""
        from al.annotators.page.server import Served

        before, server = self.where, self._server()
        with ExitStack() as stack:
            try:
                stack.enter_context(server)
                self.where = server.url
            except Served:
                pass  # people are there
            try:
                yield
            finally:
                self.where = before

    def at_work(self) -> AbstractContextManager[None]:
        return AtWork(self.log.folder).announced()

    def serve(self, over: Callable[[bool], bool] | None = None) -> None:
        """Serve the page until somebody says there that it is finished, or `over` does."""
        with self._server() as server:
            if links := server.people.links():
                _log.warning(
                    f"serving {server.url} for {', '.join(links)}; al page --campaign "
                    f"{self.campaign} --invite NAME shows a link; Ctrl-C stops, nothing is lost"
                )
                if self.rule.reviewer and self.rule.reviewer not in links:
                    _log.warning(f"nobody decides: reviewer={self.rule.reviewer} is not invited")
                if len(links) < self.rule.overlap:
                    _log.warning(
                        f"overlap={self.rule.overlap}, and {len(links)} are invited: no sample "
                        "gets answers enough"
                    )
            else:
                where = f"open {server.url} in a browser on this machine"
                _log.warning(f"{where}; Ctrl-C stops, nothing is lost")
            server.wait(over)

    def invite(self, name: str) -> str:
        from al.annotators.page.people import People
        from al.annotators.page.server import link_for

        folder = self.log.folder
        return link_for(folder, self.network, People(folder).invite(name))

    def revoke(self, name: str) -> None:
        from al.annotators.page.people import People

        People(self.log.folder).revoke(name)

    def _server(self) -> PageServer:
        from al.annotators.page.desk import Desk
        from al.annotators.page.server import PageServer

        grows = self.new_classes == "grow"
        desk = Desk(
            self.data, self.campaign, self.log,
            rule=self.rule, grows=grows, look=self.look, renew=self.renew,
        )  # fmt: skip
        return PageServer(desk, self.network)


def _suggestion(query: Query, rank: int) -> Suggestion:
    confidence = query.confidence[rank] if query.confidence else None
    likely = query.likely[rank] if query.likely else ()
    return Suggestion(query.predicted[rank], confidence, likely, query.model)


def _rule(overlap: str, reviewer: str) -> Rule:
    if not overlap.isdecimal() or not 0 < int(overlap) <= MOST:
        raise ConfigError(f"annotator 'page': overlap={overlap!r}: give a number from 1 to {MOST}")
    if reviewer and int(overlap) == 1:
        raise ConfigError(
            f"annotator 'page': reviewer={reviewer}: of one answer a sample none disagrees; give "
            "overlap=2 as well"
        )
    return Rule(int(overlap), reviewer)
