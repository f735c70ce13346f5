"""MLflow runs: the tree of campaign, cycles and steps, and what each leaves behind.

This room and `al.registry` are the only ones that import mlflow. Everything that changes
the tracking server goes through `Store` and `Run`.
"""

import os

os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")  # one bar a file is noise
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")  # two lines a run as well

from al.tracking.checkpoints import Checkpoints
from al.tracking.connection import server_wait
from al.tracking.driver import Driver
from al.tracking.left_over import left_over
from al.tracking.runs import Input, Run, points_of
from al.tracking.store import Store, plain_errors, tracking_at
from al.tracking.weights import fetch_weights

__all__ = [
    "Checkpoints",
    "Driver",
    "Input",
    "Run",
    "Store",
    "fetch_weights",
    "left_over",
    "plain_errors",
    "points_of",
    "server_wait",
    "tracking_at",
]
