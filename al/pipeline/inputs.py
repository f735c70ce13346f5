"""The data sets that go into a cycle and its trainings, as MLflow shows them under a run."""

from __future__ import annotations

from al.pipeline.cycle import Cycle
from al.pipeline.steps import SELECT_DATA
from al.state import LabelTable, ids_digest
from al.tracking import Input


def inputs_of(cycle: Cycle, labels: LabelTable, context: str) -> list[Input]:
    """The labelled set and the query, each with the digest of what it holds.

    Args:
        context: what the labelled set is used for.
    """
    task, query = cycle.session.config.task, cycle.query
    source = f"runs:/{cycle.run.id}/state/labels.parquet"
    found = [Input(task, labels.digest, source, len(labels.ids), context)]
    if query is not None and len(query.ids):
        source = f"runs:/{cycle.steps[SELECT_DATA.name, 0].id}/query.parquet"
        digest = ids_digest(query.ids)
        found.append(Input(f"{task}-query", digest, source, len(query.ids), "query"))
    return found
