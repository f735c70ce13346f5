"""Benchmarks: what the pipeline costs and what it saves; run as `python -m benchmarks.NAME`."""

import os

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # read when mlflow is imported
