"""What the rooms promise each other: shapes, not code.

Sizes in comments: N samples, C classes, D dimensions of an embedding, F of raw features,
T stochastic passes, L labelled samples, M members of a committee or samples of a target.

What the model's outputs mean depends on the kind of problem, `DataSpec.kind`:

| kind | "probabilities" [N, C] | a prediction holds |
|---|---|---|
| class | p(class) | one distribution over C classes |
| labels | p(the label applies) | C distributions over yes and no |
| mask | expected share of the pixels of each class | one distribution over C classes a pixel |
| boxes | expected number of boxes of each class | one over C classes and nothing, a box |
| number | mean and variance, so C = 2 | one normal distribution |

"samples" [N, T, C] are the same of each stochastic pass. What a strategy scores is not these
summaries but the distributions themselves; see `PoolView.measured`.
"""

from __future__ import annotations

from al.contracts.annotating import Annotator, Answer, Answers
from al.contracts.choosing import (
    AUDIT,
    SECOND,
    Engine,
    LabelledView,
    Picks,
    PoolView,
    Query,
    Strategy,
)
from al.contracts.data import Batch, DataLoader, DataSpec, Kind, Label, Preview, Split, Splits
from al.contracts.judging import Candidate, Criterion, Election, Recorder, Verdict
from al.contracts.model import Calibration, Graph, Task

__all__ = [
    "AUDIT",
    "SECOND",
    "Annotator",
    "Answer",
    "Answers",
    "Batch",
    "Calibration",
    "Candidate",
    "Criterion",
    "DataLoader",
    "DataSpec",
    "Election",
    "Engine",
    "Graph",
    "Kind",
    "Label",
    "LabelledView",
    "Picks",
    "PoolView",
    "Preview",
    "Query",
    "Recorder",
    "Split",
    "Splits",
    "Strategy",
    "Task",
    "Verdict",
]
