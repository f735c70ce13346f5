"""al score."""

from __future__ import annotations

from typing import Any

from al.cli import step_command
from al.commands import campaign, commands

EXTRA = {"shard": ("0/1", "Which share of the pool, from 0 on: 3/8 is the fourth of eight.")}
EXAMPLES = (
    "al score --campaign NAME --shard 0/8",
    'al score --campaign NAME --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT"',
    'al score --campaign NAME --shard "$JOB_COMPLETION_INDEX/8"',
)


@commands.register("score")
@step_command("score", defaults=False, extra=EXTRA, examples=EXAMPLES)
def score(given: dict[str, Any]) -> None:
    """Score a share of the pool for the next query, beside other such processes."""
    how = {name: given.pop(name) for name in EXTRA}
    campaign("score", given).score(**how)
