"""What the rooms promise each other: shapes, not code.

Sizes in comments: N samples, C classes, D dimensions of an embedding, F of raw features,
T stochastic passes, L labelled samples, M members of a committee or samples of a target.

What labels are and what the model's outputs mean depends on the kind of problem,
`DataSpec.kind`; see `al.kinds`.
"""

from __future__ import annotations

from al.contracts.annotating import Annotator, Answer, Answers
from al.contracts.choosing import (
    AUDIT,
    AUDITS,
    BY_MODEL,
    DOUBTED,
    HELD_OUT,
    SECOND,
    Engine,
    LabelledView,
    Likely,
    Picks,
    PoolView,
    Query,
    Strategy,
)
from al.contracts.data import (
    Batch,
    DataLoader,
    DataSpec,
    Embedder,
    Held,
    Label,
    Preview,
    Split,
    Splits,
)
from al.contracts.encoding import Encoded, Encoder
from al.contracts.judging import Candidate, Criterion, Election, Recorder, Verdict
from al.contracts.model import Calibration, Graph, Task
from al.contracts.seen import Kept, Seen

__all__ = [
    "AUDIT",
    "AUDITS",
    "BY_MODEL",
    "DOUBTED",
    "HELD_OUT",
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
    "Embedder",
    "Encoded",
    "Encoder",
    "Engine",
    "Graph",
    "Held",
    "Kept",
    "Label",
    "LabelledView",
    "Likely",
    "Picks",
    "PoolView",
    "Preview",
    "Query",
    "Recorder",
    "Seen",
    "Split",
    "Splits",
    "Strategy",
    "Task",
    "Verdict",
]
