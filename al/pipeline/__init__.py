"""The order of things: campaigns, their cycles, and the body of each step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from al.pipeline.campaign import Campaign
    from al.pipeline.report import Result

__all__ = ["Campaign", "Result"]


def __getattr__(name: str) -> Any:
    if name == "Campaign":  # late, so that the list of steps is read without torch and MLflow
        from al.pipeline.campaign import Campaign

        return Campaign
    if name == "Result":
        from al.pipeline.report import Result

        return Result
    raise AttributeError(f"module 'al.pipeline' has no attribute {name!r}")
