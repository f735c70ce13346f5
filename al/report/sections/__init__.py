"""The sections of a report in their order: a file each, a function of the facts.

A function returns None where its section means nothing for a campaign.
"""

from __future__ import annotations

from collections.abc import Callable

from al.report.facts import Facts
from al.report.section import Section
from al.report.sections.curve import curve
from al.report.sections.promotions import promotions
from al.report.sections.times import times

SECTIONS: tuple[Callable[[Facts], Section | None], ...] = (
    curve,
    promotions,
    times,
)
