"""What a served version answers to what a user has, row by row under its own index."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np

from al.contracts import DataSpec, Graph, Task
from al.errors import SamplesError
from al.kinds.base import served

if TYPE_CHECKING:
    import pandas as pd

_log = logging.getLogger(__name__)

#: Column that says why a row has no answer, where one has none.
REASON = "error"


def answered(task: Task, spec: DataSpec, graph: Graph, given: Any) -> Any:
    """Predictions for what a user hands in: samples as the task takes them.

    A table is answered by a table with its index, an empty one by an empty one. A row that is no
    sample has an empty answer and the reason in column `error`, which is there where a row has one.

    Raises:
        SamplesError: rows are not samples, and the answer is not a table.
    """
    import pandas as pd

    if not len(given):
        blank = np.zeros((1, *spec.input_shape), spec.input_dtype)
        none = task.answers(spec, given, graph.predict(blank)[:0])
        found = served(task, spec, none)
    else:
        try:
            predicted = graph.predict(task.inputs(spec, given))
            found = served(task, spec, task.answers(spec, given, predicted))
        except SamplesError as error:
            found = _without(task, spec, graph, given, error)
    if isinstance(given, pd.DataFrame) and isinstance(found, pd.DataFrame):
        found.index = given.index
    return found


def _without(task: Task, spec: DataSpec, graph: Graph, given: Any, error: SamplesError) -> Any:
    """The answer to those rows that are samples, with the others empty."""
    import pandas as pd

    if not isinstance(given, pd.DataFrame):
        raise error
    good = [row for row in range(len(given)) if row not in error.reasons]
    found: pd.DataFrame = answered(task, spec, graph, given.iloc[good].reset_index(drop=True))
    if not isinstance(found, pd.DataFrame):
        raise error
    _log.warning(f"{len(error.reasons)} of {len(given)} rows have no answer: {error}")
    found = found.set_axis(good).reindex(range(len(given)))
    found[REASON] = [error.reasons.get(row, "") for row in range(len(given))]
    return found
