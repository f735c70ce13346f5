"""Section: which version was in Production from when to when, and why."""

from __future__ import annotations

from al.report.facts import Facts
from al.report.section import Markup, Section, details, join

#: So many are shown at once; those before them when somebody asks.
MOST = 12
_BY = {"pipeline": "elected by the pipeline", "hand": "put there by hand", "undo": "gone back to"}


def promotions(facts: Facts) -> Section | None:
    """Promotions as a timeline, the latest first."""
    rows = facts.promotions
    if not len(rows):
        return None
    items = [_item(row, latest=place == len(rows) - 1) for place, row in enumerate(_dicts(rows))]
    items.reverse()
    body = [_list(items[:MOST])]
    if len(items) > MOST:
        body.append(details(f"{len(items) - MOST} before", _list(items[MOST:])))
    return Section(
        "promotions", "Which version was in Production", join(body), {"promotions": rows}
    )


def _dicts(rows: object) -> list[dict[str, str]]:
    found: list[dict[str, str]] = rows.to_dict("records")  # type: ignore[attr-defined]
    return found


def _item(row: dict[str, str], *, latest: bool) -> Markup:
    until = "since" if latest else "from"
    end = " UTC" if latest else f" to {row['to']} UTC"
    return Markup(
        '<li{}><b>{}</b> {}, {} {}{}<br><span class="note">{}</span></li>'
    ).format(
        Markup(' class="now"') if latest else "",
        row["version"], _BY.get(row["by"], row["by"]), until, row["from"], end, row["why"],
    )  # fmt: skip


def _list(items: list[Markup]) -> Markup:
    return Markup('<ul class="time">{}</ul>').format(join(items))
