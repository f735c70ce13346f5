"""Exact copies of samples in the label table: one answer, a row for each that has it."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from al.state.contents import Contents
from al.state.labels import LabelTable
from al.state.rows import GIVEN

#: Strategy of a row that nobody was asked about.
COPY = "copy"


def with_copies(labels: LabelTable, contents: Mapping[str, str]) -> LabelTable:
    """The table with a row for each copy of what it holds, after the samples that were asked
    about; `copy_of` says whose answer it has.

    A copy stands as the sample that it copies does: answered, skipped or waiting. All of it is
    made anew from the rows of these samples, so that late answers and corrections reach copies,
    and copies that appear later have their label at once. Copies that have vanished stay.

    Where several samples of one content have rows of their own, an answer counts before a
    label that the data brought along, and that before none. Labels that the data brought along
    and that contradict each other count for no copy: it is asked about.

    Args:
        contents: identity of what each training sample that is there holds, by id.
    """
    contents, own = Contents.of(contents), labels.originals.frame
    if len(own) == len(labels) and not contents.shared:
        return labels
    old = labels.frame[labels.frame["copy_of"] != ""]
    held = own["id"].map(contents.get)
    if len(old):  # what a sample that has vanished held, its copies tell
        known = old.assign(held=old["id"].map(contents.get)).dropna(subset="held")
        held = held.fillna(own["id"].map(dict(zip(known["copy_of"], known["held"], strict=True))))
    sources = _sources(own.assign(held=held), contents)
    at = dict(zip(sources["held"], sources["id"], strict=True))
    mine = set(own["id"])
    # What copies a sample that has vanished was a copy before, or shares its content with one.
    may = {id for ids in contents.shared.values() for id in ids}.union(old["id"])
    copy_of = {
        id: at[contents[id]]
        for id in may
        if id not in mine and id in contents and contents[id] in at
    }
    asked = set(own["id"][own["status"] != "waiting"])
    gone = zip(old["id"], old["copy_of"], strict=True)
    copy_of |= {id: of for id, of in gone if id not in contents and of in asked}
    if not copy_of:
        return labels.originals
    place = {id: row for row, id in enumerate(own["id"])}
    order = sorted(sorted(copy_of), key=lambda copy: place[copy_of[copy]])
    rows = own.iloc[[place[copy_of[id]] for id in order]].assign(
        id=order,
        copy_of=[copy_of[id] for id in order],
        strategy=COPY,
        rank=0,
        score=float("nan"),
        propensity=float("nan"),
        seconds=float("nan"),
        votes="",
        before="",
        again=0,
    )
    return LabelTable(pd.concat([own, rows], ignore_index=True))


def contradictory(labels: LabelTable, contents: Mapping[str, str]) -> list[list[str]]:
    """Ids whose labels, brought along by the data, differ though they hold the same; each list
    a content."""
    frame = labels.originals.frame
    given = frame[frame["strategy"] == GIVEN]
    given = given.assign(held=given["id"].map(contents.get)).dropna(subset="held")
    differ = given.groupby("held", sort=False)["label"].transform("nunique") > 1
    return [list(ids) for _, ids in given[differ].groupby("held", sort=False)["id"]]


def _sources(own: pd.DataFrame, contents: Mapping[str, str]) -> pd.DataFrame:
    """For each content the row whose answer its copies have."""
    given, waiting = own["strategy"] == GIVEN, own["status"] == "waiting"
    labels = own[given].groupby("held")["label"].nunique()
    no_source = given & own["held"].isin(labels.index[labels > 1])
    no_source |= waiting & own["id"].map(lambda id_: id_ not in contents)  # nobody can answer it
    order = own["status"].map({"answered": 0, "waiting": 2, "skipped": 3}).mask(given, 1)
    usable = own.assign(order=order)[~no_source].dropna(subset="held")
    return usable.sort_values("order", kind="stable").drop_duplicates("held")
