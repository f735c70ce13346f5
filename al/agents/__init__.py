"""Agents: training loops. The loop is in the superclass, what is looped in its subclasses."""

from al.agents.base import Agent, Examples, Schedule
from al.agents.supervised import SupervisedAgent

__all__ = ["Agent", "Examples", "Schedule", "SupervisedAgent"]
