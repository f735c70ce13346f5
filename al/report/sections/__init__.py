"""The sections of a report in their order: a file each, a function of the facts.

A function returns None where its section means nothing for a campaign.
"""

from __future__ import annotations

from collections.abc import Callable

from al.report.facts import Facts
from al.report.section import Section
from al.report.sections.balance import balance
from al.report.sections.curve import curve
from al.report.sections.drift import drift
from al.report.sections.map import map_of_samples
from al.report.sections.model import model
from al.report.sections.outlook import outlook
from al.report.sections.promotions import promotions
from al.report.sections.quality import quality
from al.report.sections.queries import queries
from al.report.sections.reliability import reliability
from al.report.sections.times import times

SECTIONS: tuple[Callable[[Facts], Section | None], ...] = (
    curve,
    outlook,
    model,
    reliability,
    queries,
    map_of_samples,
    balance,
    quality,
    drift,
    promotions,
    times,
)
