"""The annotator of tables: a spreadsheet program is all that people need."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from al.annotators.json_lines import lines_of, read_lines
from al.annotators.keys import TYPED, Key, keys_of, revisions
from al.annotators.sheets import enlarged, sheets
from al.annotators.spreadsheets import LabelCells, Row, read_sheet, same
from al.catalog import annotators
from al.cells import safe_cell
from al.contracts import Annotator, Answer, Answers, DataLoader, Label, Preview, Query
from al.errors import ConfigError, DataError, LabelError
from al.kinds import kind_of
from al.whole import whole_file

TABLE, LINES, ASKED = "query.csv", "query.jsonl", "asked.json"
#: Samples and answers are for this user, and for those of the folder's group.
OWN, OWN_FOLDER = 0o660, 0o770
#: Bad labels that an error names.
_NAMED = 5


@annotators.register("files")
class Files(Annotator):
    """A table to fill in for each query, with a contact sheet; read back when it is saved.

    Entities are filled in as JSON lines, since a spreadsheet has no place for them. Each query
    has a folder of its own, made in one go and never written to again.
    """

    options = {
        "folder": "where the tables go, ./annotate/CAMPAIGN by default",
        "skip": "what people write to skip a sample, skip by default",
        "nothing": "what they write where no class applies, none by default",
        "separator": "between several classes of a sample, | by default",
        "delimiter": "between the cells of a new table, a comma by default",
        "name": "who answers, where a table has no column annotator; files by default",
    }
    forms = TYPED | {"spans"}
    asks_again = True

    def __init__(
        self, data: DataLoader, campaign: str, options: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(data, campaign, options)
        self.folder = Path(self.given.get("folder", Path("annotate") / campaign))
        self.skip = self.given.get("skip", "skip")
        nothing = self.given.get("nothing", "none")
        kind = kind_of(data.spec)
        self.cells = LabelCells(kind, self.given.get("separator", "|"), nothing)
        self.table = LINES if kind.form == "spans" else TABLE
        self.delimiter = self.given.get("delimiter", ",").replace("\\t", "\t")
        if self.delimiter not in (",", ";", "\t", "|"):
            raise ConfigError(f"delimiter={self.delimiter!r}: give one of , ; | \\t")
        words = {"skip": self.skip} | ({"nothing": nothing} if kind.form == "choices" else {})
        for name, word in words.items():
            if same(word, data.spec.classes) is not None:
                raise ConfigError(
                    f"annotator 'files': {word!r} is a class: pass "
                    f"annotator_options='{name}=another word'"
                )
        self.where = str(self.folder.resolve())

    # -- asking ------------------------------------------------------------------------------

    def request(self, query: Query) -> None:
        """Write a table of what was not asked about before; tables that are there stay."""
        known = self._known()
        new = [key for key in keys_of(query) if key not in known]
        for folder in self._folders():
            if not (folder / self.table).exists():  # lost or renamed: nothing is written over
                self._write_table(folder, _asked(folder))
        if new:
            last = max(map(_number_of, self._folders()), default=0)
            name = f"query-{last + 1:02d}"
            scratch = self.folder / f".{name}"
            shutil.rmtree(scratch, ignore_errors=True)  # of a process that was killed
            self.folder.mkdir(parents=True, exist_ok=True)
            scratch.mkdir(mode=OWN_FOLDER)
            self._write(scratch, new)
            os.replace(scratch, self.folder / name)
        if folders := self._folders():
            self.where = str((folders[-1] / self.table).resolve())

    def _write(self, folder: Path, keys: Sequence[Key]) -> None:
        previews = [self.data.preview(id) for id, _ in keys]
        images = [preview.image for preview in previews if preview.image is not None]
        if len(images) == len(keys):
            captions = [str(number) for number in range(1, len(keys) + 1)]
            for number, sheet in enumerate(sheets(images, captions), start=1):
                sheet.save(folder / f"sheet-{number}.png")
            for number, (id, _) in enumerate(keys, start=1):
                if self.data.source(id) is None:
                    (folder / "images").mkdir(exist_ok=True)
                    image = enlarged(images[number - 1], 256)
                    image.save(folder / "images" / f"{number:04d}.png")
        (folder / ASKED).write_text(json.dumps(keys))
        self._write_table(folder, keys)

    def _write_table(self, folder: Path, keys: Sequence[Key]) -> None:
        rows = []
        gone = set(self.data.missing([id for id, _ in keys]))
        for number, (id, again) in enumerate(keys, start=1):
            if id in gone:
                continue
            shown = self._shown(id, self.data.preview(id), number)
            remark = {"comment": "second opinion"} if again else {}
            rows.append({"nr": number, "id": self._safe(id), **shown, **remark})
        with whole_file(folder / self.table, OWN) as file:
            file.write(self._written(rows))

    def _written(self, rows: Sequence[Mapping[str, Any]]) -> bytes:
        """What people fill in."""
        if self.table == LINES:
            return lines_of(rows).encode()
        columns = [*dict.fromkeys(name for row in rows for name in row), "label"]
        text = io.StringIO(newline="")
        table = csv.DictWriter(text, columns, restval="", delimiter=self.delimiter)
        table.writeheader()
        table.writerows(rows)
        return text.getvalue().encode("utf-8-sig")

    def _safe(self, text: str) -> str:
        """A text that no spreadsheet takes for a formula; entities are counted in the very text."""
        return text if self.table == LINES else safe_cell(text)

    def _shown(self, id: str, preview: Preview, number: int) -> dict[str, Any]:
        """The columns that show a sample."""
        if preview.text is not None:
            return {"text": self._safe(preview.text)}
        if preview.row is not None:
            taken = ("nr", "id", "label")
            row = {
                safe_cell(str(name)): safe_cell(str(value)) for name, value in preview.row.items()
            }
            return {f"{n}_" if n.casefold() in taken else n: value for n, value in row.items()}
        return {"path": safe_cell(self.data.source(id) or f"images/{number:04d}.png")}

    # -- reading -----------------------------------------------------------------------------

    def collect(self, query: Query) -> Answers:
        filled = self._filled()
        answered, skipped, waiting = list[Answer](), list[str](), list[str]()
        for key in keys_of(query):
            cell = filled.get(key)
            if cell is None:
                waiting.append(key[0])
            elif cell.answer is None:
                skipped.append(key[0])
            else:
                answered.append(cell.answer)
        return Answers(tuple(answered), tuple(skipped), tuple(waiting))

    def revised(self, labels: Mapping[str, Label]) -> tuple[Answer, ...]:
        """Labels that are others now; the second opinion counts where there is one."""
        filled = self._filled().items()
        return revisions([(key, c.answer) for key, c in filled if c.answer is not None], labels)

    def _filled(self) -> dict[Key, _Cell]:
        """What people have written so far.

        Raises:
            LabelError: names the rows whose labels are none, or contradict each other.
        """
        found: dict[Key, _Cell] = {}
        for folder in self._folders():
            path = folder / self.table
            if path.exists():
                found |= self._read(path, _asked(folder))
        return found

    def _read(self, path: Path, keys: Sequence[Key]) -> dict[Key, _Cell]:
        when = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        lines = self.table == LINES
        sheet = read_lines(path) if lines else read_sheet(path, ("id", "label"))
        row_is = "line" if lines else "row"
        by_id = {id: (id, again) for id, again in keys}
        as_written = {self._safe(id): id for id in by_id}
        found: dict[Key, _Cell] = {}
        bad: list[str] = []
        for row in sheet.rows:
            text, name = row.cells.get("label", ""), row.cells.get("id", "")
            if not text.strip():
                continue
            id = as_written.get(name) or same(name, by_id)
            if id is None:
                bad.append(f"{row_is} {row.number}: {name!r} is not an id of this query")
                continue
            try:
                answer = self._answer(row, id, text, when, decimal_comma=sheet.decimal_comma)
            except LabelError as error:
                bad.append(f"{row_is} {row.number} (id {id!r}): {error}")
                continue
            cell, other = _Cell(row.number, answer), found.get(by_id[id])
            if other is not None and other.label != cell.label:
                where = f"{row_is}s {other.row} and {row.number} (id {id!r})"
                bad.append(f"{where} contradict each other")
            found[by_id[id]] = cell
        if bad:
            more = f"; and {len(bad) - _NAMED} more" if len(bad) > _NAMED else ""
            raise LabelError(
                f"{path}: {'; '.join(bad[:_NAMED])}{more}: mend and save it{self._more}"
            )
        return found

    @property
    def _more(self) -> str:
        """What else can be done about a class that the task does not know."""
        if self.new_classes != "ask" or not self.data.spec.classes:
            return ""
        return ", or pass new_classes=grow to take new ones (new_classes=refuse stops asking)"

    def _answer(
        self, row: Row, id: str, text: str, when: datetime, *, decimal_comma: bool
    ) -> Answer | None:
        """What a row says; None where the sample is skipped."""
        if text.strip().casefold() == self.skip.casefold():
            return None
        self.cells.grows = self.new_classes == "grow"
        label = self.cells.label(text, decimal_comma=decimal_comma)
        if not self.cells.grows:  # else the pipeline looks at it, as it may name a new class
            self.data.check_label(label)
        label = self.data.from_picture(id, label)
        who = row.cells.get("annotator", "").strip() or self.given.get("name", "files")
        return Answer(id, label, who, when.isoformat(timespec="seconds"))

    def _folders(self) -> list[Path]:
        """The folders of all queries, the oldest first."""
        found = (path.parent for path in self.folder.glob(f"query-*/{ASKED}"))
        return sorted((f for f in found if f.name[6:].isdecimal()), key=_number_of)

    def _known(self) -> set[Key]:
        return {key for folder in self._folders() for key in _asked(folder)}


@dataclass(frozen=True)
class _Cell:
    """A label in a table; no answer means skipped."""

    row: int
    answer: Answer | None

    @property
    def label(self) -> Label:
        return None if self.answer is None else self.answer.label


def _number_of(folder: Path) -> int:
    return int(folder.name.partition("-")[2])


def _asked(folder: Path) -> list[Key]:
    """What a folder's table asks about.

    Raises:
        DataError: the record of it is damaged.
    """
    path = folder / ASKED
    try:
        return [(str(id), bool(again)) for id, again in json.loads(path.read_text())]
    except (OSError, TypeError, ValueError, RecursionError) as error:
        raise DataError(f"{path} is damaged ({error}): restore it") from error
