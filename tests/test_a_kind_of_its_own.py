"""A kind of problem more, an ordered scale, which nothing outside this file knows of."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from al.annotators.spreadsheets import LabelCells
from al.catalog import strategies
from al.contracts import DataSpec, Label, Task
from al.data import ArrayLoader
from al.errors import ConfigError, LabelError, StrategyError, UnknownName
from al.graphs import TorchGraph
from al.kinds import Kind, Trait, kind_named, kind_of
from al.strategies import ArrayView, build, check_kind
from tests.stores import production, runs, table
from tests.test_kinds import written

Make = Callable[..., Any]
#: Samples, of which the last ones are test.
COUNT, TEST = 120, 30
HERE = "tests.test_a_kind_of_its_own"


class Scale(Kind):
    """A grade each, in an order: a label is a whole number from 1, a target its position."""

    labels_are = "grades"
    form = "choice"
    metric = "off"
    strategy = "entropy"
    suits = "entropy or typiclust"
    traits = frozenset({Trait.CLASSES})
    large = False

    def check(self, label: Label) -> None:
        if type(label) is not int or not 1 <= label <= len(self.spec.classes):
            raise LabelError(f"{label!r} is not a grade: give 1 to {len(self.spec.classes)}")

    def from_form(self, message: Any) -> Label:
        return self.position(message) + 1 if isinstance(message, str) else message

    def to_form(self, label: Label) -> Any:
        return self.spec.classes[label - 1]

    def position(self, label: Label) -> int:
        return self.place[label] if isinstance(label, str) else label - 1

    def tensor(self, labels: Sequence[Label]) -> torch.Tensor:
        """Whether each grade but the highest is exceeded, [n, grades − 1]."""
        grades = torch.tensor(list(labels))
        return (grades[:, None] > torch.arange(1, len(self.spec.classes))).float()

    def wrong(self, target: Any) -> str:
        return "" if 0 <= target < len(self.spec.classes) else f"{target} is not a grade's position"

    def label(self, target: Any) -> Label:
        return int(target) + 1

    def cost(self, target: Any) -> float:
        """The middle of a scale is what people think about longest."""
        return 1.0 + min(int(target), len(self.spec.classes) - 1 - int(target))

    def brief(self, label: Label) -> str:
        return f"grade {label}"

    def outputs(self, predicted: Any) -> pd.DataFrame:
        grades = np.arange(1, predicted.shape[1] + 1)
        return pd.DataFrame(
            {"grade": predicted.argmax(axis=1) + 1, "expected": predicted.astype(float) @ grades}
        )


class ScaleGraph(TorchGraph):
    """Whether each grade is exceeded; "off" is how far answers are away, as a share of the scale.

    Frank and Hall (2001), A simple approach to ordinal classification.
    """

    metrics: ClassVar[tuple[str, ...]] = ("off", "loss")
    lower: ClassVar[frozenset[str]] = frozenset(metrics)

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return binary_cross_entropy_with_logits(outputs, targets)

    def answers(self, outputs: torch.Tensor) -> torch.Tensor:
        return (outputs.cummin(dim=1).values > 0).float()

    def probabilities(self, outputs: torch.Tensor) -> torch.Tensor:
        above = outputs.sigmoid().cummin(dim=1).values
        one, none = torch.ones_like(above[:, :1]), torch.zeros_like(above[:, :1])
        return torch.cat([one, above], dim=1) - torch.cat([above, none], dim=1)

    def meters(self) -> dict[str, Any]:
        from torchmetrics import MeanAbsoluteError

        return {"off": MeanAbsoluteError()}

    def guesses(self, batch: Any, spec: DataSpec) -> tuple[list[Label], np.ndarray]:
        p = self.infer(batch, ("probabilities",), samples=1, seed=0)["probabilities"]
        return [kind_of(spec).label(place) for place in p.argmax(axis=1)], p.max(axis=1)


class Grades(Task):
    """How bright an image is, on a scale of five."""

    def data(self) -> ArrayLoader:
        rng = np.random.default_rng(0)
        levels = rng.integers(0, 5, COUNT)
        noise = rng.normal(0, 12, (COUNT, 8, 8))
        images = np.clip(25 + 50 * levels[:, None, None] + noise, 0, 255).astype(np.uint8)
        ids = [f"g{number:03d}" for number in range(COUNT)]
        return ArrayLoader(ids, images, levels, tuple("12345"), ids[-TEST:], f"{HERE}:Scale")

    def graph(self, spec: DataSpec) -> ScaleGraph:
        trunk = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU())
        head = nn.Sequential(nn.Dropout(0.2), nn.Linear(32, len(spec.classes) - 1))
        return ScaleGraph(trunk, head, spec, scale=255.0)


TINY: dict[str, Any] = {
    "task": f"{HERE}:Grades", "campaign": "grades", "cycles": 3, "validation_size": 20,
    "initial_size": 15, "query_size": 6, "epochs": 25, "lr": 0.01,
    "kpi": 0.01, "audit": 0.4, "balance": "on", "costs": "on", "stable": 1.0,
}  # fmt: skip
ASK = """
import json, sys
import mlflow, numpy as np
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pyfunc.load_model("models:/grades/Production")
print(json.dumps(model.predict(np.load("asked.npy")).to_dict("list")))
"""


@pytest.mark.slow
def test_a_kind_that_one_file_defines_runs_a_campaign_and_is_served(
    campaign: Make, client: Any, folder: Path
) -> None:
    import mlflow

    result = campaign(**TINY).run()
    assert (result.strategy, result.metric) == ("entropy", "off")
    assert result.curve["off"].iloc[-1] < 0.1
    assert production(client, "grades") == [result.version]

    first, second, _ = runs(client, step="select-data", campaign="grades")
    assert first.data.tags["al.kind"] == f"{HERE}:Scale"
    query = table(client, second, "query.parquet")
    assert second.data.tags["al.strategy"] == "entropy"
    assert {*map(json.loads, query["predicted"])} <= {1, 2, 3, 4, 5}
    assert "query/class_balance" in second.data.metrics
    assert client.download_artifacts(second.info.run_id, "query.png")

    last = runs(client, role="cycle", campaign="grades")[-1]
    labels = table(client, last, "state/labels.parquet")
    data = Grades().data()
    answered = [json.loads(label) for label in labels["label"]]
    assert answered == data.truth(labels["id"].tolist())
    assert 0 <= last.data.metrics["cycle/kappa"] <= 1
    election = runs(client, step="select-model", campaign="grades")[0]
    record = json.loads(
        Path(client.download_artifacts(election.info.run_id, "election.json")).read_text()
    )
    errors = [candidate["metrics"]["val/off"] for candidate in record["candidates"]]
    assert record["winner"]["metrics"]["val/off"] == min(errors)

    ids = data.ids("test")
    (batch,) = data.batches(ids, batch_size=TEST)
    np.save(folder / "asked.npy", np.asarray(batch.inputs))
    asked = subprocess.run(
        [sys.executable, "-c", ASK, mlflow.get_tracking_uri()], cwd=folder, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert asked.returncode == 0, asked.stderr
    answer = json.loads(asked.stdout.splitlines()[-1])
    truth = np.array(data.truth(ids))
    assert np.abs(answer["grade"] - truth).mean() < 0.75
    assert np.corrcoef(answer["expected"], truth)[0, 1] > 0.9


def test_a_campaign_of_its_own_kind_is_named_after_the_kinds_strategy(campaign: Make) -> None:
    assert "Grades-entropy-seed0" in campaign(**{**TINY, "campaign": "auto"}).name


@pytest.mark.parametrize("name", strategies.names())
def test_every_strategy_has_an_answer_for_a_kind_that_it_has_never_heard_of(name: str) -> None:
    strategy = build(written(name, "class"))
    if name in ("variance", "gsy", "igs", "foreground_random", "clasp", "expected_boxes"):
        says = "has no meaning where labels are grades: choose entropy or typiclust"
        with pytest.raises(StrategyError, match=says):
            check_kind(strategy, f"{HERE}:Scale")
    else:
        check_kind(strategy, f"{HERE}:Scale")


def test_people_answer_in_the_form_that_the_kind_has() -> None:
    data = Grades().data()
    kind = kind_of(data.spec)
    cells = LabelCells(kind)
    assert cells.label(" 3.0", decimal_comma=False) == 3
    data.check_label(cells.label("5", decimal_comma=False))
    assert kind.from_form(kind.to_form(2)) == 2
    with pytest.raises(LabelError, match="'6' is not a class"):
        cells.label("6", decimal_comma=False)
    for wrong in (0, 6, "3", 2.5, True, None):
        with pytest.raises(LabelError, match="is not a grade: give 1 to 5"):
            data.check_label(wrong)


def test_what_annotating_costs_is_what_the_kind_says() -> None:
    data = Grades().data()
    ids = data.ids("train")[:20]
    expected = [1.0 + min(grade - 1, 5 - grade) for grade in data.truth(ids)]
    assert data.costs(ids).tolist() == expected


@pytest.mark.parametrize(
    ("name", "error", "says"),
    [
        ("clas", UnknownName, "unknown kind 'clas': did you mean 'class'"),
        ("tests.test_a_kind_of_its_own:Scal", UnknownName, "did you mean 'Scale'"),
        ("tests.nowhere:Scale", UnknownName, "no module named 'tests.nowhere'"),
        ("tests.test_a_kind_of_its_own:Grades", ConfigError, "is not a kind: name a subclass"),
    ],
)
def test_a_kind_that_is_none_is_one_line_wherever_it_is_named(
    name: str, error: type[ConfigError], says: str
) -> None:
    spec = DataSpec(("a", "b"), (2,), "float32", name)
    doors: list[Callable[[], Any]] = [
        lambda: kind_named(name),
        lambda: kind_of(spec),
        lambda: ArrayView(kind=name),
        lambda: ArrayLoader(["x"], np.zeros((1, 2)), [0], ("a", "b"), [], name),
        lambda: check_kind(build("random"), name),
    ]
    for door in doors:
        with pytest.raises(error, match=says) as caught:
            door()
        assert "\n" not in str(caught.value)
