"""Compare: does the champion still meet its KPI on what was just annotated?"""

from al.compare.drift import Drift, drift
from al.compare.estimates import Estimate, estimate
from al.compare.judge import Sample, compare, met
from al.compare.label_quality import agreement, suspects

__all__ = [
    "Drift",
    "Estimate",
    "Sample",
    "agreement",
    "compare",
    "drift",
    "estimate",
    "met",
    "suspects",
]
