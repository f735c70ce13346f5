"""Do forecasts of labels hold? Tried on the curves of finished campaigns.

Each curve is cut after every point from the fourth on, and the forecast is asked for every rung
of a ladder of goals, fixed beforehand, that the curve has not reached by then. It holds where
the number of labels at which the curve reaches the goal first lies in the 80 % interval. Where
the curve ends before that, its end is all that is known: the forecast holds unless it says that
the goal would have been reached by then, with 90 % (`open`).
"""

from __future__ import annotations

from collections.abc import Iterator

import click
import numpy as np
import pandas as pd

from al.report.forecasting import LEAST, forecast
from benchmarks.common import Row, report
from benchmarks.curves import CURVES

#: Errors to be reached: of shares, and of the RMSE of bike-sharing.
SHARES = (0.5, 0.4, 0.3, 0.25, 0.2, 0.15, 0.12, 0.1, 0.08, 0.06, 0.05, 0.04, 0.03, 0.02)
RMSES = (180, 160, 140, 120, 110, 100, 90, 80, 70, 60)
#: Test samples of the tasks.
SIZES = {"digits": 360, "sms-spam": 1115, "adult": 16281, "bike-sharing": 3507,
         "banking77": 3080, "mnist": 10000}  # fmt: skip


def trials(curves: pd.DataFrame) -> Iterator[Row]:
    """A row for each cut of each curve and each goal."""
    keys = ["task", "strategy", "seed", "lower"]
    for (task, strategy, seed, lower), points in curves.groupby(keys):
        labels, values = points["labels"].to_numpy(float), points["value"].to_numpy(float)
        share = not lower
        errors = values if lower else 1 - values
        for goal in SHARES if share else RMSES:
            reached = np.flatnonzero(errors <= goal)
            first = labels[reached[0]] if len(reached) else np.inf
            for cut in range(LEAST, len(labels)):
                if first <= labels[cut - 1]:
                    break
                said = forecast(
                    labels[:cut], values[:cut], goal if lower else 1 - goal,
                    lower=lower, share=share, size=SIZES[task],
                )  # fmt: skip
                if said is None:
                    continue
                known = np.isfinite(first)
                holds = said.low <= first <= said.high if known else said.high > labels[-1]
                yield {
                    "task": task, "strategy": strategy, "seed": seed, "points": cut, "goal": goal,
                    "at": labels[cut - 1], "first": first, "low": said.low,
                    "middle": said.middle, "high": said.high, "known": known, "holds": holds,
                    "early": known and first < said.low,
                    "late": known and first > said.high,
                }  # fmt: skip


def summary(rows: pd.DataFrame, by: str) -> list[Row]:
    found = []
    for name, part in rows.groupby(by):
        known = part[part["known"]]
        width = (known["high"] - known["low"]) / (known["first"] - known["at"])
        found.append(
            {
                by: name,
                "forecasts": len(part),
                "hold": float(part["holds"].mean()),
                "reached": len(known),
                "hold, of reached": float(known["holds"].mean()) if len(known) else float("nan"),
                "too early": float(known["late"].mean()) if len(known) else float("nan"),
                "too late": float(known["early"].mean()) if len(known) else float("nan"),
                "median width over way": float(width.replace(np.inf, 1e9).median())
                if len(known) else float("nan"),
            }
        )  # fmt: skip
    return found


@click.command()
def main() -> None:
    """Try forecasts on the committed curves."""
    rows = pd.DataFrame(list(trials(pd.read_csv(CURVES))))
    rows["all"] = "all"
    rows["campaign"] = rows["task"] + " " + rows["strategy"]
    titles = {
        "All": "all",
        "Each task": "task",
        "Each campaign": "campaign",
        "By points": "points",
    }
    report("forecast", {title: summary(rows, by) for title, by in titles.items()})


if __name__ == "__main__":
    main()
