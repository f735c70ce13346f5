"""Experiments: strategies × settings × seeds, statistics that hold, and a leaderboard."""

from al.experiment.experiment import Experiment
from al.experiment.recommending import Recommendation, recommend
from al.experiment.results import Results

__all__ = ["Experiment", "Recommendation", "Results", "recommend"]
