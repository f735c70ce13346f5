"""What the pipeline talks to: ask in Label Studio, collect from there."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar

from al.annotators.label_studio.forms import TAGS, Ground, ground_of
from al.annotators.label_studio.media import WAYS, addresses, check_media
from al.annotators.label_studio.options import address, choice, count
from al.annotators.label_studio.project import Project, find, make, shown_as, title_of
from al.annotators.label_studio.server import Server
from al.annotators.label_studio.tasks import Held, Tasks
from al.annotators.showing import shown_ranks
from al.annotators.votes import check_rule, disagree, label_of, standing
from al.catalog import annotators
from al.contracts import Annotator, Answer, Answers, DataLoader, Label, Query
from al.errors import AnnotatorError, ConfigError, LabelError, did_you_mean
from al.kinds import kind_of

_log = logging.getLogger(__name__)

#: Tasks a request; the server takes each as a whole or not at all.
CHUNK = 1000
#: What this process knows of (server, project, batch), so that whoever looks often, like
#: `watch`, which opens the campaign anew each time, asks for changes only.
_known: dict[tuple[str, int, str], Tasks] = {}


@annotators.register("label-studio")
class LabelStudio(Annotator):
    """People in a Label Studio project, asked and collected over HTTP; see docs/annotate.md."""

    forms = frozenset(TAGS)
    options: ClassVar[Mapping[str, str]] = {
        "url": "Address of the server; by default LABEL_STUDIO_URL, or http://localhost:8080.",
        "project": "Number or title of an existing project; else one is made.",
        "overlap": "How many people answer each sample; 1.",
        "rule": "One label of several: majority, first, reviewer:NAME, or disputes:NAME.",
        "prelabel": "Show the champion's predictions, on or off; off, as people accept them.",
        "images": "How images get there: upload, local, url, or auto: url where there is one.",
        "media": "Root of the server's local files, for images=local.",
        "media_there": "The same folder as the server sees it, where that differs.",
    }

    def __init__(
        self, data: DataLoader, campaign: str, options: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(data, campaign, options)
        given = self.given
        for name in given:
            if name not in self.options:
                raise ConfigError(f"unknown option {name!r}: {did_you_mean(name, self.options)}")
        self._server = Server(address(given.get("url", "")))
        self._wanted = given.get("project", "") or title_of(campaign)
        self._overlap = count(given.get("overlap", "1"))
        self._rule = given.get("rule", "majority")
        check_rule(self._rule)
        self._prelabel = choice("prelabel", given.get("prelabel", "off"), ("on", "off")) == "on"
        self._images = choice("images", given.get("images", "auto"), WAYS)
        self._media, self._media_there = given.get("media", ""), given.get("media_there", "")
        check_media(self._images, self._media)
        self._batch = f"al:{campaign}"
        self._names: dict[int, str] = {}
        self._noted: set[str] = set()
        self._labels: dict[tuple[int, str], Label] = {}
        self._project: Project | None = None
        self.where = self._server.url

    # -- what the pipeline asks for --------------------------------------------------------

    def request(self, query: Query) -> None:
        """Import what of the query is not there yet, in the order of asking."""
        project, tasks = self._open(create=True)
        missing = [row for row, id in enumerate(query.ids) if not tasks.of(id)]
        if missing:
            self._import(project, query, missing)
            tasks.look(self._server)
        if self._prelabel and query.predicted and project.model_version != query.model:
            # The server shows predictions of one version only, and takes the first it sees.
            path = f"/api/projects/{project.id}"
            self._server.change("PATCH", path, json={"model_version": query.model})
            self._project = replace(project, model_version=query.model)

    def collect(self, query: Query) -> Answers:
        """What people have answered by now, one label a sample by the rule."""
        _, tasks = self._open()
        answered, skipped, waiting = [], [], []
        all_votes: list[Answer] = []
        differ: dict[str, Sequence[Answer]] = {}
        for id in query.ids:
            votes, skips = self._votes(tasks.of(id))
            stands = standing(votes, self._rule, self._overlap, skips)
            if stands == "answered":
                answered.append(self._kept(label_of(votes, self._rule, kind_of(self.data.spec))))
                if len(votes) > 1:
                    all_votes += map(self._kept, votes)
                    if disagree(votes):
                        differ[id] = votes
            elif stands == "skipped":
                skipped.append(id)
            else:
                waiting.append(id)
        self._tell(differ, len(answered))
        return Answers(tuple(answered), tuple(skipped), tuple(waiting), tuple(all_votes))

    def revised(self, labels: Mapping[str, Label]) -> tuple[Answer, ...]:
        """Answers whose label is another by now."""
        _, tasks = self._open()
        found = []
        for id, label in labels.items():
            votes, skips = self._votes(tasks.of(id))
            if standing(votes, self._rule, self._overlap, skips) == "answered":
                now = self._kept(label_of(votes, self._rule, kind_of(self.data.spec)))
                if now.label != label:
                    found.append(now)
        return tuple(found)

    def withdraw(self, ids: Iterable[str]) -> None:
        """Delete tasks that nobody has answered; answers stay where they are."""
        if self._find() is not None:
            _, tasks = self._open()
            tasks.delete(held for id in ids for held in tasks.of(id) if not held.annotations)

    # -- how -------------------------------------------------------------------------------

    def _open(self, *, create: bool = False) -> tuple[Project, Tasks]:
        """The project, and what it holds of the campaign by now."""
        project = self._find()
        if project is None and create:
            project = make(
                self._server, self._wanted, self.campaign, self.data.spec, self._shown,
                overlap=self._overlap, prelabel=self._prelabel, grows=self._grows,
            )  # fmt: skip
        if project is None:
            raise AnnotatorError(
                f"{self._server.url} has no project {self._wanted!r}: it was deleted; restore "
                "it, or run the step annotate to ask again for what is not collected"
            )
        self._project, self.where = project, project.url
        key = (self._server.url, project.id, self._batch)
        tasks = _known.setdefault(key, Tasks(self._server, project.id, self._batch))
        try:
            tasks.look(self._server)
        except AnnotatorError:
            self._project = None  # it may be gone: look for it anew next time
            raise
        return project, tasks

    def _find(self) -> Project | None:
        """The project, looked for and checked once."""
        if self._project is None:
            self._project = find(
                self._server, self._wanted, self.campaign, self.data.spec, self._shown,
                self._overlap, prelabel=self._prelabel, grows=self._grows,
            )  # fmt: skip
        return self._project

    @property
    def _grows(self) -> bool:
        return self.new_classes == "grow"

    @property
    def _shown(self) -> str:
        return shown_as(self.data.preview(self.data.ids("train")[0]))

    def _import(self, project: Project, query: Query, rows: Sequence[int]) -> None:
        ids = [query.ids[row] for row in rows]
        shown: Mapping[str, Any]
        if self._shown == "image":
            shown = addresses(
                self.data, ids, self._images, self._server, project.id, self.campaign,
                self._media, self._media_there,
            )  # fmt: skip
        else:
            previews = ((id, self.data.preview(id)) for id in ids)
            shown = {id: view.text if view.row is None else _row(view.row) for id, view in previews}
        suggested = shown_ranks(query, self.data) if self._prelabel else frozenset()
        for start in range(0, len(rows), CHUNK):
            tasks = []
            for row in rows[start : start + CHUNK]:
                id = query.ids[row]
                task: dict[str, Any] = {
                    "data": {
                        project.form.key: shown[id],
                        "item_id": id,
                        "batch_id": self._batch,
                        "cycle": query.cycle,
                        "rank": row,
                        "score": query.scores[row] if math.isfinite(query.scores[row]) else None,
                        "shown": "",
                    }
                }
                if row in suggested:
                    self._show_prediction(task, project, query, row)
                tasks.append(task)
            self._server.change("POST", f"/api/projects/{project.id}/import", json=tasks)

    def _show_prediction(
        self, task: dict[str, Any], project: Project, query: Query, row: int
    ) -> None:
        id = query.ids[row]
        shown = self.data.on_picture(id, query.predicted[row])
        results = project.form.results(shown, self._ground(id))
        if not results:
            return
        task["data"]["shown"] = query.model
        task["predictions"] = [{"model_version": query.model, "result": results}]
        if query.confidence:
            task["predictions"][0]["score"] = query.confidence[row]

    def _ground(self, id: str) -> Ground | None:
        return ground_of(self.data, id)

    def _votes(self, copies: Sequence[Held]) -> tuple[list[Answer], int]:
        """The answers to a sample, one a person in the order given, and how many skipped it."""
        latest: dict[int, tuple[Held, Mapping[str, Any]]] = {}
        for held in copies:
            for entry in held.annotations:
                person = _person(entry)
                if person not in latest or entry["updated_at"] > latest[person][1]["updated_at"]:
                    latest[person] = (held, entry)
        votes, skips = [], 0
        for held, entry in sorted(latest.values(), key=lambda pair: pair[1]["created_at"]):
            if entry["was_cancelled"]:
                skips += 1
            elif (label := self._label(held, entry)) is not None:
                votes.append(
                    Answer(
                        held.item,
                        label,
                        self._name(_person(entry)),
                        _utc(entry["updated_at"]),
                        entry.get("lead_time"),
                        held.shown if _was_shown(entry) else "",
                    )
                )
        return votes, skips

    def _kept(self, answer: Answer) -> Answer:
        """The answer as the campaign keeps it; people give it in pixels of what they see."""
        return replace(answer, label=self.data.from_picture(answer.id, answer.label))

    def _label(self, held: Held, entry: Mapping[str, Any]) -> Label:
        """The label of an annotation; shapes are worked out once."""
        assert self._project is not None
        key = (entry["id"], entry["updated_at"])
        if key not in self._labels:
            ground = self._ground(held.item)
            try:
                self._labels[key] = self._project.form.label(entry["result"], ground)
            except LabelError as error:
                raise LabelError(
                    f"{self._name(_person(entry))} on sample {held.item!r} "
                    f"({self._project.url}?task={held.id}): {error}"
                ) from error
            except (KeyError, TypeError, ValueError, IndexError) as error:
                raise LabelError(
                    f"{self._name(_person(entry))} on sample {held.item!r} "
                    f"({self._project.url}?task={held.id}): a damaged result ({error!r}): "
                    "annotate it again"
                ) from error
        return self._labels[key]

    def _name(self, person: int) -> str:
        """Who it is: the address that they log in with."""
        if person not in self._names:
            for user in self._server.get("/api/users"):
                self._names[int(user["id"])] = user.get("email") or user.get("username") or ""
        return self._names.setdefault(person, "") or f"user {person}"

    def _tell(self, differ: Mapping[str, Sequence[Answer]], answered: int) -> None:
        """List the samples on which people disagree, each once."""
        new = [id for id in differ if id not in self._noted]
        if not new:
            return
        self._noted |= set(new)
        brief = kind_of(self.data.spec).brief
        rows = [
            f"{id} ({', '.join(f'{vote.annotator}: {brief(vote.label)}' for vote in differ[id])})"
            for id in new[:5]
        ]
        more = f" and {len(new) - 5} more" if len(new) > 5 else ""
        _log.warning(f"annotators disagree on {len(differ)} of {answered}: {'; '.join(rows)}{more}")


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as JSON can say it; what is missing is empty."""
    return {str(name): _cell(value) for name, value in row.items()}


def _cell(value: Any) -> str | int | float:
    value = value.item() if hasattr(value, "item") else value
    if value is None or value != value:
        return ""
    plain = isinstance(value, (str, int)) or (isinstance(value, float) and math.isfinite(value))
    return value if plain else str(value)


def _was_shown(entry: Mapping[str, Any]) -> bool:
    """Whether an annotation began as a prediction; only those of the latest version do."""
    results = entry.get("result") or ()
    origins = [str(result.get("origin", "")) for result in results]
    return bool(entry.get("parent_prediction")) or any(o.startswith("prediction") for o in origins)


def _person(entry: Mapping[str, Any]) -> int:
    who = entry["completed_by"]
    return int(who["id"] if isinstance(who, Mapping) else who or 0)


def _utc(text: str) -> str:
    time = datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)
    return time.isoformat(timespec="seconds")
