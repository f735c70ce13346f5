"""The campaign's report: what was asked, decided and achieved, on one page that needs no network.

Its content stands in `Facts`, which the pipeline gathers; each section in `sections/` is a
function of them. `write` makes the page and, beside it, the figures behind it.
"""

from al.report.facts import Answered, Curve, Facts, Judged, Mapped, Picked, ahead, where_ahead
from al.report.intervals import wilson
from al.report.page import NAME, write
from al.report.query_page import query_page
from al.report.section import lasting, plus
from al.report.training_page import write_training

__all__ = [
    "NAME", "Answered", "Curve", "Facts", "Judged", "Mapped", "Picked", "ahead", "lasting",
    "plus", "query_page", "where_ahead", "wilson", "write", "write_training",
]  # fmt: skip
