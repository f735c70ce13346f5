"""The order of things: campaigns, their cycles, and the body of each step."""

from al.pipeline.campaign import Campaign
from al.pipeline.report import Result

__all__ = ["Campaign", "Result"]
