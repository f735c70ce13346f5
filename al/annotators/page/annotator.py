"""The annotator of a page in the browser, served from this machine to this machine."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from al.annotators.keys import TYPED, keys_of, revisions
from al.annotators.page.drawing import DRAWN, collected
from al.annotators.page.log import AnswerLog, Entry, Suggestion
from al.annotators.page.look import OPTIONS, Look
from al.annotators.showing import shown_ranks
from al.catalog import annotators
from al.contracts import Annotator, Answer, Answers, DataLoader, Label, Query
from al.errors import ConfigError

if TYPE_CHECKING:
    from al.annotators.page.server import PageServer

_log = logging.getLogger(__name__)


@annotators.register("page")
class Page(Annotator):
    """A page in the browser: one sample after the other, answered by keyboard, mouse or touch.

    The pipeline only writes down what it asks; `al page` serves the page, or the
    pipeline itself while it waits.
    """

    options = {
        "folder": "where what is asked and answered is kept, ./annotate/CAMPAIGN by default",
        "port": "of the page; by default a free one, which it keeps",
        **OPTIONS,
    }
    forms = TYPED | DRAWN
    asks_again = True

    def __init__(
        self, data: DataLoader, campaign: str, options: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(data, campaign, options)
        port = self.given.get("port", "0")
        if not port.isdecimal() or int(port) > 65535:
            raise ConfigError(f"annotator 'page': port={port!r} is none: give one up to 65535")
        self.port = int(port)
        self.look = Look.of(self.given)
        self.log = AnswerLog(Path(self.given.get("folder", Path("annotate") / campaign)))
        self.where = f"the page that al page --campaign {campaign} serves"

    def request(self, query: Query) -> None:
        keys = keys_of(query)
        suggested = shown_ranks(query, self.data) if self.look.suggest else ()
        self.log.ask(keys, {keys[rank]: _suggestion(query, rank) for rank in suggested})

    def collect(self, query: Query) -> Answers:
        """The first person's answer counts; where there are several, all are votes."""
        said = self.log.answers()
        answered, skipped, waiting = list[Answer](), list[str](), list[str]()
        votes = list[Answer]()
        for key in keys_of(query):
            entries = list(said.get(key, {}).values())
            labelled = [entry for entry in entries if not entry.skipped]
            if labelled:
                given = [self._answer(entry) for entry in labelled]
                answered.append(given[0])
                votes += given if len(given) > 1 else []
            elif entries:
                skipped.append(key[0])
            else:
                waiting.append(key[0])
        return Answers(tuple(answered), tuple(skipped), tuple(waiting), tuple(votes))

    def revised(self, labels: Mapping[str, Label]) -> tuple[Answer, ...]:
        """Labels that are others now; the second opinion counts where there is one."""
        given = []
        for key, said in self.log.answers().items():
            labelled = [entry for entry in said.values() if not entry.skipped]
            given += [(key, self._answer(entry)) for entry in labelled[:1]]
        return revisions(given, labels)

    def withdraw(self, ids: Sequence[str]) -> None:
        self.log.withdraw(ids)

    @contextmanager
    def attending(self) -> Iterator[None]:
        """The page is served while this is open."""
        before, server = self.where, self._server()
        with server:
            self.where = server.url
            try:
                yield
            finally:
                self.where = before

    def serve(self) -> None:
        """Serve the page until somebody says there that it is finished."""
        with self._server() as server:
            where = f"open {server.url} in a browser on this machine"
            _log.warning(f"{where}; Ctrl-C stops, nothing is lost")
            server.wait()

    def _server(self) -> PageServer:
        from al.annotators.page.desk import Desk
        from al.annotators.page.server import PageServer

        grows = self.new_classes == "grow"
        desk = Desk(self.data, self.campaign, self.log, grows=grows, look=self.look)
        return PageServer(desk, self.port)

    def _answer(self, entry: Entry) -> Answer:
        label = collected(self.data, entry.key[0], entry.label)
        return Answer(entry.key[0], label, entry.annotator, entry.at, entry.seconds, entry.shown)


def _suggestion(query: Query, rank: int) -> Suggestion:
    confidence = query.confidence[rank] if query.confidence else None
    likely = query.likely[rank] if query.likely else ()
    return Suggestion(query.predicted[rank], confidence, likely, query.model)
