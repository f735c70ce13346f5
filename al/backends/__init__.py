"""Where `mlflow run -b NAME` runs a project: backends that MLflow finds by entry points."""
