from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from al.agents import Examples, Schedule, SupervisedAgent
from al.catalog import tasks
from al.graphs import ClassificationGraph
from al.model_selector import criterion
from al.randomness import seeded


class FolderRecorder:
    """Keeps what an Agent hands over in a folder; stops like a power cut when told to."""

    def __init__(self, folder: Path, die_at: int | None = None) -> None:
        self.folder, self.die_at = folder, die_at
        self.epochs: dict[int, dict[str, float]] = {}
        self.saved: list[tuple[int, int, dict[str, float]]] = []

    def log(self, epoch: int, metrics: Mapping[str, float]) -> None:
        if epoch == self.die_at:
            raise KeyboardInterrupt
        self.epochs[epoch] = dict(metrics)

    def checkpoint(
        self, epoch: int, best_epoch: int, metrics: Mapping[str, float], weights: Path, resume: Path
    ) -> None:
        shutil.copytree(weights, self.folder / str(best_epoch))
        shutil.copy(resume, self.folder / "resume.safetensors")
        self.saved.append((epoch, best_epoch, dict(metrics)))

    def resume_file(self) -> Path | None:
        path = self.folder / "resume.safetensors"
        return path if path.exists() else None


@pytest.fixture(scope="module")
def digits() -> Any:
    task = tasks.get("digits")()
    data = task.data()
    data.freeze(data.propose_splits(60, seed=0))
    return task, data


def agent(digits: Any, recorder: FolderRecorder | None, **schedule: Any) -> SupervisedAgent:
    task, data = digits
    with seeded(4):
        graph = task.graph(data.spec)
    settings = {"epochs": 9, "patience": 9, "checkpoints": 3, "batch_size": 16, **schedule}
    graph.prepare_training(lr=0.003, epochs=settings["epochs"])
    ids, val = data.ids("train")[:80], data.ids("val")
    return SupervisedAgent(
        graph,
        data,
        train=Examples(ids, tuple(data.truth(ids))),
        val=Examples(val, tuple(data.truth(val))),
        schedule=Schedule(**settings, draw=(0, 1, 0)),
        criterion=criterion("max:val/accuracy", ["val/accuracy"]),
        recorder=recorder,
    )


def test_the_best_epoch_of_all_is_among_the_checkpoints(digits: Any, tmp_path: Path) -> None:
    recorder = FolderRecorder(tmp_path)
    agent(digits, recorder).fit()
    assert [epoch for epoch, _, _ in recorder.saved] == [3, 6, 9]
    best = max(recorder.epochs, key=lambda e: (recorder.epochs[e]["val/accuracy"],
                                               -recorder.epochs[e]["val/loss"]))  # fmt: skip
    assert best in [best_epoch for _, best_epoch, _ in recorder.saved]
    for _, best_epoch, metrics in recorder.saved:
        assert metrics == recorder.epochs[best_epoch]


def test_the_weights_of_a_checkpoint_are_those_of_its_epoch(digits: Any, tmp_path: Path) -> None:
    recorder = FolderRecorder(tmp_path)
    trained = agent(digits, recorder)
    trained.fit()
    for _, best_epoch, metrics in recorder.saved:
        trained.graph.load_weights(tmp_path / str(best_epoch))
        assert trained.eval()["val/accuracy"] == pytest.approx(metrics["val/accuracy"])


@pytest.mark.parametrize("die_at", [1, 2, 4, 5, 7, 9])
def test_a_training_that_was_cut_off_ends_with_the_same_weights(
    digits: Any, tmp_path: Path, die_at: int
) -> None:
    straight = FolderRecorder(tmp_path / "straight")
    whole = agent(digits, straight)
    whole.fit()
    cut = FolderRecorder(tmp_path / "cut", die_at)
    with pytest.raises(KeyboardInterrupt):
        agent(digits, cut).fit()
    torch.rand(7)  # whatever else draws from torch in between
    again = FolderRecorder(tmp_path / "cut")
    resumed = agent(digits, again)
    resumed.fit()
    assert {**cut.epochs, **again.epochs} == straight.epochs
    assert len(again.epochs) < 9 or die_at <= 3
    for name, tensor in whole.graph.network.state_dict().items():
        assert torch.equal(tensor, resumed.graph.network.state_dict()[name]), name


def test_patience_ends_training_and_the_last_checkpoint_is_there(
    digits: Any, tmp_path: Path
) -> None:
    recorder = FolderRecorder(tmp_path)
    agent(digits, recorder, epochs=400, patience=3, checkpoints=2).fit()
    last = max(recorder.epochs)
    assert last < 400
    assert recorder.saved[-1][0] == last
    ranks = [(m["val/accuracy"], -m["val/loss"]) for m in recorder.epochs.values()]
    assert max(ranks) not in ranks[-3:]


def test_training_leaves_the_callers_generators_alone(digits: Any, tmp_path: Path) -> None:
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    agent(digits, FolderRecorder(tmp_path), epochs=2).fit()
    assert torch.rand(1) == expected


def test_more_checkpoints_than_epochs_is_one_an_epoch(digits: Any, tmp_path: Path) -> None:
    recorder = FolderRecorder(tmp_path)
    agent(digits, recorder, epochs=3, checkpoints=50).fit()
    assert [epoch for epoch, _, _ in recorder.saved] == [1, 2, 3]


def test_the_loss_of_an_epoch_is_the_mean_over_samples_whatever_batches_they_are_in(
    digits: Any, tmp_path: Path
) -> None:
    def trained(batch_size: int) -> float:
        made = agent(digits, FolderRecorder(tmp_path), epochs=1, batch_size=batch_size)
        with seeded(4):  # without dropout, and with a step that changes nothing
            linear = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))
            made.graph = ClassificationGraph(linear, torch.nn.Identity(), made.data.spec)
        made.graph.prepare_training(lr=0.0, epochs=1)
        return made.train(1)["train/loss"]

    assert trained(79) == pytest.approx(trained(80), rel=1e-5)  # 79 and 1; 80


@pytest.mark.parametrize(
    ("labels", "least", "times"), [(30, 0, 1), (30, 30, 1), (30, 31, 2), (30, 120, 4), (80, 50, 1)]
)
def test_an_epoch_goes_through_few_labels_as_often_as_it_takes_and_each_as_often_as_the_others(
    digits: Any, tmp_path: Path, labels: int, least: int, times: int
) -> None:
    made = agent(digits, FolderRecorder(tmp_path))
    known = made.train_examples
    made.train_examples = Examples(known.ids[:labels], known.labels[:labels])
    made.graph.epoch_samples = least
    batches: list[Any] = []
    train = made.graph.train_batch
    made.graph.train_batch = lambda batch: (batches.append(batch), train(batch))[1]  # type: ignore[method-assign]
    made.train(1)
    by_id = dict(zip(known.ids, made.data.kind.tensor(known.labels).tolist(), strict=True))
    seen = [id for batch in batches for id in batch.ids]
    assert Counter(seen) == dict.fromkeys(known.ids[:labels], times)
    assert [int(t) for batch in batches for t in batch.targets] == [by_id[id] for id in seen]


def test_without_a_recorder_checkpoints_are_in_memory_and_are_those_of_the_files(
    digits: Any, tmp_path: Path
) -> None:
    recorder = FolderRecorder(tmp_path)
    agent(digits, recorder).fit()
    alone = agent(digits, None)
    alone.fit()
    assert [(kept.epoch, kept.metrics) for kept in alone.kept] == [
        (epoch, metrics) for _, epoch, metrics in recorder.saved
    ]
    for kept in alone.kept:
        alone.graph.put_back(kept.weights)
        alone.graph.save_weights(tmp_path / f"again {kept.epoch}")
        written, again = (
            (tmp_path / folder / "weights.safetensors").read_bytes()
            for folder in (str(kept.epoch), f"again {kept.epoch}")
        )
        assert written == again


class Normalised(ClassificationGraph):
    """Batch normalisation, and a learning rate that stays as it is."""

    def prepare_training(self, *, lr: float, epochs: int) -> None:
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=lr)


@pytest.mark.parametrize(("count", "batch_size"), [(1, 16), (2, 1), (33, 16)])
def test_a_network_that_normalises_over_batches_trains_on_any_number_of_labels_and_resumes(
    digits: Any, tmp_path: Path, count: int, batch_size: int
) -> None:
    def normalised(recorder: FolderRecorder) -> SupervisedAgent:
        made = agent(digits, recorder, batch_size=batch_size, epochs=4, checkpoints=2)
        ids = made.train_examples.ids[:count]
        made.train_examples = Examples(ids, made.train_examples.labels[:count])
        with seeded(4):
            trunk = torch.nn.Sequential(
                torch.nn.Flatten(), torch.nn.Linear(64, 8), torch.nn.BatchNorm1d(8)
            )
            made.graph = Normalised(trunk, torch.nn.Linear(8, 10), made.data.spec, scale=16.0)
        made.graph.prepare_training(lr=0.01, epochs=4)
        return made

    straight = FolderRecorder(tmp_path / "straight")
    whole = normalised(straight)
    whole.fit()
    with pytest.raises(KeyboardInterrupt):
        normalised(FolderRecorder(tmp_path / "cut", die_at=3)).fit()
    again = FolderRecorder(tmp_path / "cut")
    resumed = normalised(again)
    resumed.fit()
    assert set(again.epochs) == {3, 4}
    assert all(straight.epochs[epoch] == again.epochs[epoch] for epoch in again.epochs)
    for name, tensor in whole.graph.network.state_dict().items():
        assert torch.equal(tensor, resumed.graph.network.state_dict()[name]), name
