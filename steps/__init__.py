"""The entry points of the MLflow project, one thin command each; run as `python -m steps.NAME`."""
