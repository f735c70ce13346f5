"""Census rows: who earns more than 50,000 dollars a year."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from al.agents import EstimatorAgent
from al.catalog import tasks
from al.contracts import DataSpec, Task
from al.data import TableLoader, fetch, rows_given
from al.graphs import EstimatorGraph, classifier

COLUMNS = (
    "age", "workclass", "fnlwgt", "education", "education_num", "marital_status", "occupation",
    "relationship", "race", "sex", "capital_gain", "capital_loss", "hours_per_week",
    "native_country", "income",
)  # fmt: skip
URL = "https://archive.ics.uci.edu/ml/machine-learning-databases/adult/"
FILES = {
    "train": ("adult.data", "5b00264637dbfec36bdeaab5676b0b309ff9eb788d63554ca0a249491c86603d"),
    "test": ("adult.test", "a2a9044bc167a35b2361efbabec64e89d69ce82d9790d2980119aac5fd7e9c05"),
}


@tasks.register("adult")
class Adult(Task):
    """32,561 + 16,281 census rows, numbers and categories with gaps; forest and linear model.

    Becker and Kohavi (1996), Adult, UCI Machine Learning Repository; CC BY 4.0.
    """

    metric = "auroc"
    agent = EstimatorAgent

    def data(self) -> TableLoader:
        parts = []
        for split, (name, sha256) in FILES.items():
            path = fetch("adult", name, URL + name, sha256)
            rows = pd.read_csv(  # the test file begins with a line that is not a row
                path, names=COLUMNS, dtype=str, keep_default_na=False, skipinitialspace=True,
                skiprows=int(split == "test"),
            )  # fmt: skip
            rows["income"] = rows["income"].str.rstrip(".")
            rows["split"] = split
            rows["id"] = [f"{split}-{number:05d}" for number in range(len(rows))]
            parts.append(rows)
        frame = pd.concat(parts, ignore_index=True)
        ids = frame["id"].tolist()
        return TableLoader(frame, "income", place=ids.__getitem__, what="adult", published=True)

    def graph(self, spec: DataSpec) -> EstimatorGraph:
        measures = ("auroc", "average_precision", "accuracy")
        return EstimatorGraph(classifier, spec, measures)

    def inputs(self, spec: DataSpec, given: Any) -> np.ndarray:
        return rows_given(given, spec)
