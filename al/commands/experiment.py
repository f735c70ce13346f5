"""al experiment."""

from __future__ import annotations

from typing import Any

from al.cli import step_command
from al.commands import commands

EXTRA = {
    "strategies": (
        "auto; margin",
        "Strategies to compare, separated by ;. Random always runs.",
    ),
    "seeds": ("20", "Campaigns of each strategy: 5 for a first look, 20 for a claim."),
    "grid": ("none", "Settings to compare them in, like query_size=10,50; head=linear,mlp."),
    "first": ("shared", "shared: strategies begin with the same first query; own: each its own."),
    "level": ("auto", "Of the metric, to which labels are counted; auto is random's in the end."),
    "name": ("auto", "Of the experiment; auto names it after what its trials share."),
    "workers": ("auto", "Processes at once; auto is one for each core."),
}
EXAMPLES = (
    "al experiment --strategies 'margin; badge; margin(10x) > k_center' --cycles 10",
    "al experiment --task table --data my.csv --target COLUMN --seeds 5",
    "al experiment --grid 'query_size=10,50' --first own",
)


@commands.register("experiment")
@step_command("experiment", defaults=False, extra=EXTRA, examples=EXAMPLES)
def experiment(given: dict[str, Any]) -> None:
    """Compare strategies on data whose labels are known: many seeds, a leaderboard, a verdict."""
    from al.experiment import Experiment

    Experiment(entry="experiment", **given).run()
