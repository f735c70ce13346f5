from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from al.catalog import tasks
from al.contracts import Batch, DataSpec, Graph
from al.errors import DataError, StrategyError
from al.graphs import ClassificationGraph, load_tree, save_tree
from al.graphs.dropout import fixed_masks
from al.randomness import seeded

SPEC = DataSpec(("a", "b", "c"), (4,), "float32")


def graph(seed: int = 0) -> ClassificationGraph:
    torch.manual_seed(seed)
    trunk = nn.Sequential(nn.Linear(4, 8), nn.ReLU())
    made = ClassificationGraph(trunk, nn.Sequential(nn.Dropout(0.5), nn.Linear(8, 3)), SPEC)
    made.prepare_training(lr=0.05, epochs=5)
    return made


def batch(count: int = 30) -> Batch:
    torch.manual_seed(1)
    inputs = torch.randn(count, 4)
    return Batch(tuple(map(str, range(count))), inputs, inputs[:, :3].argmax(1))


def test_training_lowers_the_loss_and_accuracy_is_the_share_that_is_right() -> None:
    made, some = graph(), batch()
    before = made.evaluate([some])
    for _ in range(60):
        made.train_batch(some)
    after = made.evaluate([some])
    assert after["loss"] < before["loss"]
    assert set(after) == set(made.metrics)
    right = made.predict(some.inputs.numpy()).argmax(1) == some.targets.numpy()
    assert after["accuracy"] == pytest.approx(right.mean())


def test_evaluation_does_not_depend_on_how_the_batches_are_cut() -> None:
    made, some = graph(), batch()
    parts = [
        Batch(some.ids[i : i + 7], some.inputs[i : i + 7], some.targets[i : i + 7])
        for i in range(0, 30, 7)
    ]
    assert made.evaluate(parts) == pytest.approx(made.evaluate([some]), abs=3e-6)


def test_training_goes_on_from_its_state_as_if_it_had_never_stopped(tmp_path: Path) -> None:
    straight, cut, some = graph(), graph(), batch()
    for made in (straight, cut):
        for step in range(4):
            torch.manual_seed(step)
            made.train_batch(some)
            made.scheduler.step()
    save_tree(cut.state(), tmp_path / "state.safetensors")
    again = graph(seed=5)
    again.restore(load_tree(tmp_path / "state.safetensors"))
    for made in (straight, again):
        torch.manual_seed(9)
        made.train_batch(some)
        made.scheduler.step()
    assert straight.scheduler.get_last_lr() == again.scheduler.get_last_lr()
    for name, tensor in straight.network.state_dict().items():
        assert torch.equal(tensor, again.network.state_dict()[name]), name


def test_weights_come_back_as_they_were_saved(tmp_path: Path) -> None:
    one, two, some = graph(0), graph(7), batch()
    one.save_weights(tmp_path)
    two.load_weights(tmp_path)
    assert np.array_equal(one.predict(some.inputs.numpy()), two.predict(some.inputs.numpy()))


@pytest.mark.parametrize("kind", [ClassificationGraph, Graph], ids=["tensors", "files"])
def test_a_snapshot_is_put_back_whatever_was_learned_since(kind: Any) -> None:
    one, two, some = graph(0), graph(7), batch()
    predicted = one.predict(some.inputs.numpy())
    snapshot = kind.snapshot(one)
    one.train_batch(some)
    assert not np.array_equal(one.predict(some.inputs.numpy()), predicted)
    for made in (one, two):
        kind.put_back(made, snapshot)
        assert np.array_equal(made.predict(some.inputs.numpy()), predicted)


@pytest.mark.parametrize("keep", [1.0, 0.5])
def test_a_warm_start_takes_over_what_no_optimizer_learns(keep: float) -> None:
    def normed(seed: int) -> ClassificationGraph:
        torch.manual_seed(seed)
        trunk = nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 8), nn.ReLU())
        made = ClassificationGraph(trunk, nn.Linear(8, 3), SPEC)
        made.prepare_training(lr=0.05, epochs=5)
        return made

    some = batch()
    some = Batch(some.ids, some.inputs * 3 + 5, some.targets)
    one, two = normed(0), normed(7)
    for _ in range(20):
        one.train_batch(some)
    two.start_from(one, keep=keep, fresh=0.0)
    theirs, mine = one.network.state_dict(), two.network.state_dict()
    for name, buffer in one.network.named_buffers():
        assert torch.equal(mine[name], buffer), name
    for name, parameter in one.network.named_parameters():
        assert torch.equal(mine[name], keep * parameter), name
    assert theirs["trunk.0.running_mean"].min() > 1  # the running mean has moved
    if keep == 1:
        assert two.evaluate([some]) == one.evaluate([some])


def test_weights_that_are_missing_damaged_or_of_another_network_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="missing"):
        graph().load_weights(tmp_path)
    (tmp_path / "weights.safetensors").write_bytes(b"rubbish")
    with pytest.raises(DataError, match="damaged"):
        graph().load_weights(tmp_path)
    save_file({"other": torch.zeros(2)}, tmp_path / "weights.safetensors")
    with pytest.raises(DataError, match="another network"):
        graph().load_weights(tmp_path)


def test_a_tree_comes_back_whatever_is_in_it(tmp_path: Path) -> None:
    tree = {"a": {0: torch.arange(3), 1: (1.5, None, True)}, "b": [torch.zeros(()), "x"]}
    save_tree(tree, tmp_path / "t")
    back = load_tree(tmp_path / "t")
    assert torch.equal(back["a"][0], tree["a"][0])
    assert back["a"][1] == (1.5, None, True)
    assert back["b"][1] == "x"
    (tmp_path / "t").write_bytes(b"")
    with pytest.raises(DataError, match="missing or damaged"):
        load_tree(tmp_path / "t")


@pytest.mark.parametrize(
    "tree", [None, "{", '{"tensor": "7"}', '{"list": 3}', "[" * 100_000, '{"list": [[]]}']
)
def test_a_tree_that_is_damaged_inside_is_a_line_too(tmp_path: Path, tree: str | None) -> None:
    metadata = None if tree is None else {"tree": tree}
    save_file({"0": torch.zeros(2)}, tmp_path / "t", metadata=metadata)
    with pytest.raises(DataError, match="t is missing or damaged"):
        load_tree(tmp_path / "t")
    with pytest.raises(DataError, match="nothing is missing or damaged"):
        load_tree(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("layer", "shape", "mask"),
    [(nn.Dropout(0.5), (5, 6), (6,)), (nn.Dropout2d(0.5), (5, 6, 3, 3), (6, 1, 1))],
)
def test_fixed_masks_drop_the_same_for_all_samples(layer: Any, shape: Any, mask: Any) -> None:
    layer.eval()
    ones = torch.ones(shape)
    with fixed_masks(layer, seed=3):
        dropped = layer(ones)
    assert torch.equal(layer(ones), ones)  # outside, nothing is dropped
    assert torch.equal(dropped, dropped[:1].expand(shape))
    assert set(dropped.unique().tolist()) <= {0.0, 2.0}
    assert torch.equal(dropped[0], dropped[0].amax(dim=tuple(range(1, len(mask))), keepdim=True)
                       .expand(shape[1:]) if len(mask) > 1 else dropped[0])  # fmt: skip


def loss_learner(seed: int) -> Any:
    task = tasks.get("digits")()
    data = task.data()
    with seeded(seed):
        graph = task.graph(data.spec)
        graph.learn_losses()
        graph.prepare_training(lr=0.003, epochs=30)
    return data, graph


def test_a_head_learns_which_samples_have_the_higher_loss() -> None:
    data, graph = loss_learner(0)
    ids = data.ids("train")[:200]
    with seeded(1):
        for _ in range(15):
            for batch in data.batches(ids, data.truth(ids), batch_size=20):
                graph.train_batch(batch)
    (batch,) = data.batches(ids, data.truth(ids), batch_size=200)
    found = graph.infer(batch, ("losses", "probabilities"), samples=1, seed=0)
    assert batch.targets is not None
    losses = -np.log(found["probabilities"][np.arange(200), batch.targets.numpy()])
    apart = np.sign(losses[:, None] - losses) * np.sign(found["losses"][:, None] - found["losses"])
    assert apart[np.triu_indices(200, 1)].mean() > 0.3  # 0 is chance, 1 a perfect order


def test_learning_losses_does_not_change_what_the_network_learns() -> None:
    plain, both, some = graph(), graph(), batch()
    both.learn_losses()
    both.prepare_training(lr=0.05, epochs=5)
    for made in (plain, both):
        for step in range(3):
            torch.manual_seed(step)
            made.train_batch(some)
    for name, tensor in plain.network.state_dict().items():
        assert torch.equal(both.network.state_dict()[name], tensor), name


def test_weights_and_state_of_the_loss_head_round_trip(tmp_path: Path) -> None:
    data, graph = loss_learner(0)
    (batch,) = data.batches(data.ids("train")[:20], batch_size=20)
    before = graph.infer(batch, ("losses",), samples=1, seed=0)["losses"]
    graph.save_weights(tmp_path / "weights")
    for how in ("weights", "state"):
        _, other = loss_learner(1)
        if how == "weights":
            other.load_weights(tmp_path / "weights")
        else:
            other.restore(graph.state())
        assert np.array_equal(
            other.infer(batch, ("losses",), samples=1, seed=0)["losses"], before
        ), how


def test_a_graph_without_the_head_takes_the_weights_of_one_that_has_it(tmp_path: Path) -> None:
    data, graph = loss_learner(0)
    plain = tasks.get("digits")().graph(data.spec)
    graph.save_weights(tmp_path / "with")
    plain.load_weights(tmp_path / "with")
    example = data.example()
    assert np.array_equal(plain.predict(example), graph.predict(example))
    plain.save_weights(tmp_path / "without")
    graph.load_weights(tmp_path / "without")
    (batch,) = data.batches(data.ids("train")[:2], batch_size=2)
    with pytest.raises(StrategyError, match="has not learned to predict its loss"):
        graph.infer(batch, ("losses",), samples=1, seed=0)


def test_a_batch_of_one_trains_a_network_that_normalises_over_batches() -> None:
    torch.manual_seed(0)
    trunk = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU())
    made = ClassificationGraph(trunk, nn.Linear(8, 3), SPEC)
    made.prepare_training(lr=0.05, epochs=5)
    some = batch(1)
    before = float(made.train_batch(some))
    assert float(made.train_batch(some)) < before
    made.train_batch(batch(8))  # and larger ones move the running figures as ever
    assert trunk[1].num_batches_tracked == 1


@pytest.mark.parametrize(
    ("wanted", "samples", "size"),
    [(32, 33, 33), (32, 65, 33), (32, 64, 32), (32, 97, 33), (1, 4, 2), (1, 5, 3), (8, 1, 8)],
)
def test_batches_are_cut_so_that_none_holds_one_sample(
    wanted: int, samples: int, size: int
) -> None:
    normalising = ClassificationGraph(nn.BatchNorm1d(4), nn.Linear(4, 3), SPEC)
    assert normalising.batch_size(wanted, samples) == size
    assert samples == 1 or samples % size != 1
    assert graph().batch_size(wanted, samples) == wanted


def tied(seed: int) -> ClassificationGraph:
    """A trunk whose second layer is the first one of the head."""
    torch.manual_seed(seed)
    shared = nn.Linear(4, 4)
    made = ClassificationGraph(
        nn.Sequential(nn.Linear(4, 4), shared), nn.Sequential(shared, nn.Linear(4, 3)), SPEC
    )
    made.prepare_training(lr=0.05, epochs=5)
    return made


def test_tensors_that_trunk_and_head_share_are_kept_and_mixed_once(tmp_path: Path) -> None:
    one, two, some = tied(0), tied(1), batch()
    one.train_batch(some)
    one.save_weights(tmp_path)
    two.load_weights(tmp_path)
    assert two.trunk[1].weight is two.head[0].weight
    assert np.array_equal(one.predict(some.inputs.numpy()), two.predict(some.inputs.numpy()))
    fresh = tied(2)
    expected = 0.1 * fresh.head[0].weight + 0.5 * one.head[0].weight
    fresh.start_from(one, keep=0.5, fresh=0.1)
    assert torch.allclose(fresh.head[0].weight, expected)


class Constant(ClassificationGraph):
    """A learning rate that stays as it is."""

    def prepare_training(self, *, lr: float, epochs: int) -> None:
        self.optimizer = torch.optim.SGD(self.network.parameters(), lr=lr)


def test_a_graph_without_a_scheduler_goes_on_from_its_state(tmp_path: Path) -> None:
    made = [Constant(nn.Linear(4, 8), nn.Linear(8, 3), SPEC) for _ in range(2)]
    for one in made:
        one.prepare_training(lr=0.05, epochs=5)
    made[0].train_batch(batch())
    save_tree(made[0].state(), tmp_path / "state")
    made[1].restore(load_tree(tmp_path / "state"))
    assert torch.equal(made[0].head.weight, made[1].head.weight)


def test_weights_of_classes_scale_the_training_loss_and_not_the_one_that_is_measured() -> None:
    made, some = graph(), batch()
    made.network.eval()
    weights = np.array([2.0, 0.5, 1.0])
    with torch.no_grad():
        outputs = made.network(some.inputs)
        plain = made.training_loss(outputs, some.targets)
        made.weigh(weights)
        each = made.losses(outputs, some.targets).numpy()
        found = float(made.training_loss(outputs, some.targets))
    assert found == pytest.approx(float(np.mean(weights[some.targets.numpy()] * each)), rel=1e-5)
    assert found != pytest.approx(float(plain))
    assert made.evaluate([some])["loss"] == pytest.approx(float(plain), abs=1e-5)


class Own(ClassificationGraph):
    """A loss that is known for whole batches only."""

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return super().loss(outputs, targets) + 1.0


def test_a_loss_of_its_own_that_is_not_known_for_each_sample_cannot_be_weighed() -> None:
    with pytest.raises(NotImplementedError):
        Own(nn.Linear(4, 8), nn.Linear(8, 3), SPEC).weigh(np.ones(3))


def convolutional(trunk: nn.Module | None = None) -> ClassificationGraph:
    torch.manual_seed(0)
    layers = trunk or nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()
    )
    spec = DataSpec(("a", "b", "c"), (3, 8, 8), "float32")
    return ClassificationGraph(layers, nn.Sequential(nn.Dropout(0.5), nn.Linear(128, 3)), spec)


class Viewing(nn.Module):
    """A forward of one's own, which takes it that channels come first."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 8, 3, padding=1, stride=2)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.layer(images).view(len(images), -1)


def images(count: int) -> Batch:
    torch.manual_seed(2)
    return Batch(tuple(map(str, range(count))), torch.randn(count, 3, 8, 8), torch.zeros(count))


def test_a_network_of_standard_layers_has_its_channels_last_and_says_the_same(
    tmp_path: Path,
) -> None:
    made = convolutional()
    weight = made.network.trunk[0].weight
    assert weight.is_contiguous(memory_format=torch.channels_last)
    plain = nn.Conv2d(3, 8, 3, padding=1)
    plain.load_state_dict(
        {name: tensor.contiguous() for name, tensor in made.network.trunk[0].state_dict().items()}
    )
    some = images(5).inputs
    assert torch.allclose(made.network.trunk[0](some), plain(some), atol=1e-5)
    made.save_weights(tmp_path)
    other = convolutional()
    other.load_weights(tmp_path)
    assert other.network.trunk[0].weight.is_contiguous(memory_format=torch.channels_last)
    assert np.array_equal(other.predict(some.numpy()), made.predict(some.numpy()))


def test_a_network_over_volumes_keeps_its_layout() -> None:
    spec = DataSpec(("a", "b", "c"), (1, 4, 4, 4), "float32")
    layers = nn.Sequential(nn.Conv3d(1, 2, 3), nn.BatchNorm3d(2), nn.Flatten())
    made = ClassificationGraph(layers, nn.Linear(16, 3), spec)
    assert made.predict(np.zeros((2, 1, 4, 4, 4), np.float32)).shape == (2, 3)


def test_a_forward_of_ones_own_may_count_on_channels_that_come_first() -> None:
    made = convolutional(Viewing())
    made.prepare_training(lr=0.01, epochs=1)
    assert made.infer(images(9), ["probabilities"])["probabilities"].shape == (9, 3)
    made.train_batch(Batch(("a",) * 9, images(9).inputs, torch.zeros(9, dtype=torch.int64)))


def test_images_are_inferred_so_many_at_a_time_that_they_stay_in_the_cache() -> None:
    made, seen = convolutional(), list[int]()
    made.network.trunk[0].register_forward_hook(lambda _, given, __: seen.append(len(given[0])))
    some = images(150)
    found = made.infer(some, ["probabilities", "samples", "embeddings"], samples=3)
    assert seen == [64, 64, 22]
    assert found["samples"].shape == (150, 3, 3)
    made._in_pieces = False
    for name, array in made.infer(some, list(found), samples=3).items():
        assert array == pytest.approx(found[name], abs=1e-5)
    assert graph()._cached == 0  # without convolutions a batch is one piece
