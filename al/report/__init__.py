"""The campaign's report: what was asked, decided and achieved, on one page that needs no network.

What is told stands in `Facts`, which the pipeline gathers; each section in `sections/` is a
function of them. `write` makes the page and, beside it, the figures behind it.
"""

from al.report.facts import Answered, Curve, Facts, Judged, Mapped, Picked
from al.report.page import NAME, write

__all__ = ["NAME", "Answered", "Curve", "Facts", "Judged", "Mapped", "Picked", "write"]
