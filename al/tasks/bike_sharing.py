"""Bike sharing: how many bikes are rented in an hour."""

from __future__ import annotations

import numpy as np
import pandas as pd
from torch import nn

from al.catalog import tasks
from al.contracts import DataSpec, Task
from al.data import ArrayLoader, fetch
from al.errors import DataError
from al.graphs import RegressionGraph

URL = "https://archive.ics.uci.edu/static/public/275/bike+sharing+dataset.zip"
SHA256 = "e03de4ee4ef4dc376ac6e04bf829673c6269e8eba5c60fa121640fa2f829504f"
#: As they are: casual and registered add up to the target, and are left out.
NUMBERS = ["yr", "holiday", "workingday", "temp", "atemp", "hum", "windspeed"]
#: Column → its values, one input each.
CATEGORIES = {
    "season": range(1, 5),
    "weathersit": range(1, 5),
    "weekday": range(7),
    "mnth": range(1, 13),
    "hr": range(24),
}
#: Every so manieth day is test: hours of one day are too alike to be on both sides.
TEST = 5


@tasks.register("bike-sharing")
class BikeSharing(Task):
    """17,379 hours of bike rentals, weather and calendar; how many bikes are rented.

    Fanaee-T and Gama (2014), Event labeling combining ensemble detectors and background
    knowledge; UCI 275, CC BY 4.0. Every fifth day is the test split.
    """

    metric = "rmse"

    def data(self) -> ArrayLoader:
        path = fetch("bike-sharing", "hour.csv", URL, SHA256)
        table = pd.read_csv(path)
        missing = {*NUMBERS, *CATEGORIES, "instant", "dteday", "cnt"} - {*table.columns}
        if missing:
            raise DataError(f"{path} lacks the column {min(missing)!r}: fetch it again")
        columns, names = [table[NUMBERS].to_numpy(np.float32)], list(NUMBERS)
        for name, values in CATEGORIES.items():
            columns.append((table[[name]].to_numpy() == np.array(values)).astype(np.float32))
            names += [f"{name} {value}" for value in values]
        ids = [f"hour-{number:05d}" for number in table["instant"]]
        day = (pd.to_datetime(table["dteday"]) - pd.Timestamp("2011-01-01")).dt.days
        test = [id for id, number in zip(ids, day, strict=True) if number % TEST == 0]
        counts = table["cnt"].to_numpy(np.float64)
        return ArrayLoader(ids, np.hstack(columns), counts, (), test, "number", names=names)

    def graph(self, spec: DataSpec) -> RegressionGraph:
        (width,) = spec.input_shape
        trunk = nn.Sequential(
            nn.Linear(width, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(),
        )  # fmt: skip
        head = nn.Sequential(nn.Dropout(0.1), nn.Linear(128, 2))
        return RegressionGraph(trunk, head, spec, middle=190.0, unit=180.0)
