"""What the report costs: what each cycle writes once it is closed, and the whole at the end.

Cycles of a campaign take turns with writing its report, as `al main` does it; processor time is
measured beside the clock, as it does not depend on what else the machine does.
"""

from __future__ import annotations

import statistics

import click

from al.pipeline.opening import open_session
from al.pipeline.reporting import renew, tell_all
from al.tracking import tracking_at
from benchmarks.common import EXPERIMENT, Row, own_store, report
from benchmarks.overhead import timed
from benchmarks.profiling import pipeline_cycle


@click.command(context_settings={"show_default": True})
@click.option("--task", default="digits")
@click.option("--cycles", default=10, type=click.IntRange(min=2))
def main(task: str, cycles: int) -> None:
    """Time the report of a campaign beside its cycles."""
    rows: list[Row] = []
    with own_store() as uri, tracking_at(uri):
        session = open_session({"task": task, "baseline": "none"}, experiment=EXPERIMENT)
        for number in range(1, cycles + 1):
            _, cycle = timed(lambda: pipeline_cycle(session))
            _, written = timed(lambda: renew(session))
            rows.append(
                {
                    "cycle": number,
                    "cycle s": cycle.seconds,
                    "report s": written.seconds,
                    "cycle CPU s": cycle.cpu,
                    "report CPU s": written.cpu,
                }
            )
        _, whole = timed(lambda: tell_all(session))
        session.driver.release()  # type: ignore[union-attr]
    later = rows[1:]  # the first imports what makes the page
    names = [name for name in rows[0] if name != "cycle"]
    middle: Row = {name: float(statistics.median(row[name] for row in later)) for name in names}
    once: Row = {"whole report s": whole.seconds, "whole report CPU s": whole.cpu}
    report("report_cost", {"Each cycle": rows, "Median": [middle], "At the end": [once]}, task=task)


if __name__ == "__main__":
    main()
