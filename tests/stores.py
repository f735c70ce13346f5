"""Reading an MLflow store the way a person would: what is there, whoever put it there."""

from __future__ import annotations

import json
from typing import Any

import mlflow
import pandas as pd


def runs(client: Any, **tags: str) -> list[Any]:
    """Runs by tags (role="cycle" → al.role), oldest first."""
    experiments = [e.experiment_id for e in client.search_experiments()]
    clauses = " AND ".join(f"tags.`al.{key}` = '{value}'" for key, value in tags.items())
    return list(
        client.search_runs(
            experiments, clauses, max_results=1000, order_by=["attributes.start_time ASC"]
        )
    )


def held(client: Any) -> set[str]:
    """Tags by which processes hold campaigns, or ask for them."""
    tags = (e.tags for e in client.search_experiments())
    return {key for found in tags for key in found if key.startswith(("al.driver.", "al.drives."))}


def table(client: Any, run: Any, name: str) -> pd.DataFrame:
    """A parquet artifact."""
    return pd.read_parquet(client.download_artifacts(run.info.run_id, name))


def stages(client: Any, model: str) -> dict[int, str]:
    """Stage by version."""
    versions = client.search_model_versions(f"name='{model}'")
    return {int(v.version): v.current_stage for v in versions}


def production(client: Any, model: str) -> list[int]:
    """Versions in Production."""
    return [v for v, stage in stages(client, model).items() if stage == "Production"]


def outcome(client: Any, name: str) -> dict[str, Any]:
    """Everything about a campaign that must not depend on how often it was cut off."""
    (run,) = runs(client, role="campaign", campaign=name)
    cycles = {r.data.tags["al.cycle"]: r for r in runs(client, role="cycle", campaign=name)}
    found: dict[str, Any] = {"cycles": sorted(cycles), "curve": _points(client, run)}
    for step in runs(client, role="step", campaign=name):
        tags = step.data.tags
        key = (tags.get("al.cycle"), tags["al.step"], tags.get("al.candidate"))
        if tags["al.step"] == "select-data":
            found[key] = _cells(table(client, step, "query.parquet"))
        if tags["al.step"] == "train":
            found[key] = {m: _points(client, step, m) for m in sorted(step.data.metrics)}
        if tags["al.step"] == "select-model":
            found[key] = {k: tags[k] for k in ("al.version", "al.promoted", "al.why")}
    last = cycles[max(cycles, key=int)]
    labels = table(client, last, "state/labels.parquet")
    found["labels"] = _cells(labels.drop(columns=["answered_at", "seconds"]))
    versions = client.search_model_versions(f"name='{name}'")
    found["versions"] = {
        int(v.version): (v.current_stage, v.tags["al.weights"], v.description)
        for v in sorted(versions, key=lambda v: int(v.version))  # the latest moved comes first
    }
    aliases = client.get_registered_model(name).aliases  # numbers or texts, by kind of store
    found["alias"] = {alias: int(version) for alias, version in aliases.items()}
    history = client.get_registered_model(name).tags
    rows = [json.loads(v) for k, v in sorted(history.items()) if k.startswith("al.promotion.")]
    found["history"] = [(row["version"], row["by"], row["why"]) for row in rows]
    found["running"] = [
        r.info.run_name for r in runs(client, campaign=name) if r.info.status == "RUNNING"
    ]
    return found


def _cells(frame: pd.DataFrame) -> dict[str, list[Any]]:
    """Columns as lists; a cell without a value is None, as NaN is not equal to itself."""
    return {name: [None if pd.isna(v) else v for v in frame[name]] for name in frame.columns}


def _points(client: Any, run: Any, metric: str = "test/accuracy") -> list[tuple[int, float]]:
    history = client.get_metric_history(run.info.run_id, metric)
    return sorted({(point.step, point.value) for point in history})


def client_at(uri: str) -> Any:
    """A client, with MLflow's global setting on the same store."""
    mlflow.set_tracking_uri(uri)
    return mlflow.MlflowClient(uri)
