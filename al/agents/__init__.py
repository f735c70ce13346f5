"""Agents: training loops. The loop is in the superclass, what is looped in its subclasses."""

from al.agents.base import Agent, Examples, Kept, Schedule
from al.agents.estimator import EstimatorAgent
from al.agents.head import FineTuneAgent, HeadAgent
from al.agents.supervised import SupervisedAgent
from al.agents.team import Team

__all__ = [
    "Agent",
    "EstimatorAgent",
    "Examples",
    "FineTuneAgent",
    "HeadAgent",
    "Kept",
    "Schedule",
    "SupervisedAgent",
    "Team",
]
