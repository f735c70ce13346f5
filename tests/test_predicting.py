"""What the model says of the rest, as files: whole, never mixed, gone on with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from al.errors import ConfigError, ExportError, RegistryError
from al.pipeline import predicting

Make = Callable[..., Any]


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predicting, "PART", 500)


def test_the_rest_is_predicted_as_the_served_version_says(
    campaign: Make, client: Any, small_parts: None
) -> None:
    import mlflow

    one = campaign(campaign="c", cycles=1)
    one.run()
    folder = one.predict()
    assert folder == Path("predictions-c-v1")
    table = pd.read_parquet(folder)
    labelled = set(one.labels()["id"])
    assert len(table) > 1000
    assert not set(table["id"]) & labelled
    assert list(table["id"]) == sorted(table["id"])
    p = table[[f"p_{digit}" for digit in range(10)]].to_numpy()
    assert np.allclose(p.sum(axis=1), 1, atol=1e-5)
    assert np.allclose(p.max(axis=1), table["confidence"])
    assert list(p.argmax(axis=1).astype(str)) == list(table["label"])
    with one._looked_into() as session:
        val = session.data.ids("val")
        (batch,) = session.data.batches(list(table["id"][:50]), batch_size=50)
    served = mlflow.pyfunc.load_model("models:/c/Production").predict(np.asarray(batch.inputs))
    assert list(served["label"]) == list(table["label"][:50])
    everything = one.predictions("all")
    assert everything.equals(pd.read_parquet(one.predict("all", samples="all")))
    assert set(everything["split"]) == {"train", "val", "test"}
    assert len(everything) == len(table) + len(labelled) + (everything["split"] != "train").sum()
    # The share that is right among validation samples at least as sure, by hand.
    checked = everything[everything["split"] == "val"].set_index("id").loc[list(val)]
    with one._looked_into() as session:
        hits = checked["label"].to_numpy() == np.array(session.data.truth(val))
        guesses = predicting.Guesses(session, predicting.in_production(session)[0])
    # As sure as the surest, and as the least sure: the first alone, and all of them.
    assert list(guesses._share_right(guesses._sure[[0, -1]])) == [guesses._right[0], hits.mean()]
    for row in table.sample(20, random_state=0).itertuples():
        surer = checked["confidence"].to_numpy() >= row.confidence
        expected = hits[surer].mean() if surer.any() else np.nan
        assert row.right == pytest.approx(expected, nan_ok=True)


def test_what_was_killed_goes_on_and_nothing_else_is_mixed_in(
    campaign: Make, client: Any, small_parts: None
) -> None:
    one = campaign(campaign="c", cycles=2)
    one.cycle()
    folder = one.predict("here")
    parts = sorted(folder.glob("part-*.parquet"))
    assert len(parts) > 2
    whole = pd.read_parquet(folder)
    parts[1].unlink()
    kept = parts[0].stat().st_mtime_ns
    one.predict("here")
    assert parts[0].stat().st_mtime_ns == kept
    assert pd.read_parquet(folder).equals(whole)
    one.cycle()
    with pytest.raises(ExportError, match="here exists already and holds other things than these"):
        one.predict("here")
    assert pd.read_parquet(folder).equals(whole)


def test_without_a_version_or_a_sample_it_is_one_line(campaign: Make, client: Any) -> None:
    one = campaign(campaign="c")
    one.step("select-data")
    with pytest.raises(RegistryError, match="no version of c is in Production: run a cycle"):
        one.predict()
    with pytest.raises(ConfigError, match="samples='most': give rest or all"):
        one.predict(samples="most")
    assert not list(Path().glob("predictions-*"))


@pytest.mark.parametrize("task", ["tests.kinds:Numbers", "tests.kinds:Boxes"])
def test_other_kinds_are_predicted_with_how_sure_the_model_is(
    campaign: Make, client: Any, task: str
) -> None:
    given = {"validation_size": 20, "initial_size": 20, "cycles": 1, "epochs": 2}
    one = campaign(campaign="c", task=task, **given)
    one.run()
    table = pd.read_parquet(one.predict())
    sure = "deviation" if task.endswith("Numbers") else "confidence"
    assert list(table.columns) == ["id", "label", sure]
    assert len(table) == 90 - 20 - 20 - 20
    assert np.isfinite(table[sure]).all()
