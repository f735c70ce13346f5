"""Compare: does the champion still meet its KPI on what was just annotated?"""

from al.compare.acceptance import Plan, answers_needed, bound, level, plan
from al.compare.drift import Drift, drift
from al.compare.estimates import Estimate, estimate
from al.compare.judge import Sample, compare, measured, met
from al.compare.label_quality import agreement, suspects

__all__ = [
    "Drift",
    "Estimate",
    "Plan",
    "Sample",
    "agreement",
    "answers_needed",
    "bound",
    "compare",
    "drift",
    "estimate",
    "level",
    "measured",
    "met",
    "plan",
    "suspects",
]
