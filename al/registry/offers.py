"""Versions that wait for a person, where `promote=ask`: in stage Staging, with alias `challenger`.

Who moves one to Production (or the alias `champion` to it) approves it; who moves it anywhere
else, or takes the alias away, rejects it. A tag of the version remembers how it went.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

STAGING, CHALLENGER = "Staging", "challenger"
#: Tag of a version: WAITS, APPROVED, REJECTED, or which one came in its place.
OFFER = "al.offer"
WAITS, APPROVED, REJECTED = "waits", "approved", "rejected"
#: Tag of a version that says who approved it, where somebody sets it.
APPROVER = "al.approved_by"


def waiting(versions: Iterable[Any]) -> list[Any]:
    """Versions that wait as far as the pipeline knows."""
    return [v for v in versions if v.tags.get(OFFER) == WAITS]


def is_left_alone(version: Any, aliases: Mapping[str, Any], *, stageless: bool) -> bool:
    """Whether nobody has decided about a version that waits."""
    staged = stageless or version.current_stage == STAGING
    return staged and str(aliases.get(CHALLENGER)) == str(version.version)


def approver(version: Any) -> str:
    """Who approved it: the tag's name, else "hand", as MLflow keeps no user of a move."""
    name = " ".join(version.tags.get(APPROVER, "").split())[:100]
    return name if name not in ("", "pipeline", "undo", "nobody") else "hand"


def how_to_decide(version: int, *, stageless: bool) -> str:
    """What a person does about a version that waits."""
    if stageless:
        return (
            f"v{version} waits for approval: move the alias champion to it, or take the alias "
            f"{CHALLENGER} away to reject it"
        )
    return (
        f"v{version} waits for approval in {STAGING}: move it to Production, or to Archived to "
        "reject it"
    )
