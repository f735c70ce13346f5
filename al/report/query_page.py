"""A query as a page of its own: a row a sample, with its picture, text or values."""

from __future__ import annotations

from al.contracts import DataLoader, Query
from al.kinds import kind_of
from al.report.section import Markup, join, p, table
from al.report.thumbnails import shown

#: Rows of the page; the table beside it has all.
MOST = 100
_STYLE = """
:root { color-scheme: light dark; }
body { font: 14px/1.5 "Inter", "Segoe UI", system-ui, sans-serif; margin: 20px; }
table { border-collapse: collapse; } th, td { padding: 6px 16px 6px 0; text-align: left;
border-bottom: 1px solid #8883; vertical-align: top; } .n { text-align: right; }
img { display: block; max-width: 160px; max-height: 160px; border-radius: 4px; }
blockquote { margin: 0; max-width: 60ch; overflow-wrap: anywhere; } p { opacity: .75; }
td { font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
"""


def query_page(query: Query, data: DataLoader) -> str:
    """The first samples of a query in the order of asking, as HTML that needs nothing else.

    Beside each stand its score, where scores differ, and what the champion believes.
    """
    kind = kind_of(data.spec)
    scored, known = len({*query.scores}) > 1, bool(query.predicted)
    heads = ["sample", "id", "chosen by", *(["believed"] if known else []), "rank"]
    heads += ["score"] if scored else []
    rows = []
    for place, id in enumerate(query.ids[:MOST]):
        guess = query.predicted[place] if known else None
        row = [shown(kind, data.preview(id), guess, id), id, query.reasons[place]]
        row += [kind.believed(guess, query.confidence[place])] if known else []
        row += [str(place + 1), *([f"{query.scores[place]:.4f}"] if scored else [])]
        rows.append(row)
    left = len(query.ids) - len(rows)
    note = f"{len(query.ids)} samples by {query.strategy}, model {query.model}."
    note += f" The first {len(rows)}; query.csv has all." if left else ""
    body = join([p(note), table(heads, rows, texts=4 if known else 3)])
    page = Markup(
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Query</title>'
        "<style>{}</style></head><body>{}</body></html>"
    ).format(Markup(_STYLE), body)
    return str(page)
