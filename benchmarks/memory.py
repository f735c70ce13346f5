"""Peak memory of a campaign, next to that of a process that only has what it needs.

Each is a process of its own, and its peak is read from inside at its end: what the operating
system tells a parent about its children also counts what they shared with it at their start.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import click

from benchmarks.common import EXPERIMENT, Row, own_store, report

TASK = "fashion-mnist"


def campaign() -> None:
    """Three cycles as anyone would run them."""
    import al

    with own_store() as uri:
        given: dict[str, Any] = {"task": TASK, "strategy": "margin", "cycles": 3}
        al.Campaign(tracking_uri=uri, experiment=EXPERIMENT, baseline="none", **given).run()


def nothing() -> None:
    """The libraries and the data, and no work."""
    import mlflow  # noqa: F401
    import torch  # noqa: F401

    from al.catalog import tasks

    tasks.get(TASK)().data()


def script() -> None:
    """The plain script that `benchmarks.overhead` times, for as many cycles."""
    from al.pipeline.opening import open_session
    from al.tracking import tracking_at
    from benchmarks.plain import Script

    with own_store() as uri, tracking_at(uri):
        session = open_session({"task": TASK}, experiment=EXPERIMENT)
        plain = Script(session)
        for number in range(1, 4):
            plain.cycle(number, range(20) if number == 1 else None)


def peak() -> float:
    """Most memory that this process ever had resident, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():  # of this program alone; below may be of the one that started it
        line = next(ln for ln in status.read_text().splitlines() if ln.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1024**2 if sys.platform == "darwin" else 1024)


WORK = {work.__name__: work for work in (nothing, script, campaign)}


@click.command()
@click.option("--only", type=click.Choice([*WORK]), help="Do this here and print the peak.")
def main(only: str | None) -> None:
    """Measure the peak of each in a process of its own."""
    if only:
        WORK[only]()
        click.echo(f"{peak()}")
        return
    rows: list[Row] = []
    for name, work in WORK.items():
        command = [sys.executable, "-m", "benchmarks.memory", "--only", name]
        printed = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout
        mib = float(printed.split()[-1])
        what = (work.__doc__ or "").strip().rstrip(".")
        rows.append({"process": name, "what": what, "peak MiB": round(mib)})
    for row in rows:
        row["more than nothing MiB"] = row["peak MiB"] - rows[0]["peak MiB"]
    report("memory", {"Peak resident memory": rows})


if __name__ == "__main__":
    main()
