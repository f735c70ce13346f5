"""scikit-learn estimators as graphs: fitted, kept as numbers, the same again."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from sklearn.dummy import DummyClassifier

from al.contracts import Batch, DataSpec
from al.errors import AlError, ConfigError, DataError, StrategyError
from al.graphs import EstimatorGraph, estimator_named, load_tree, save_tree
from tests.conftest import ROOT

CLASSES = DataSpec(("a", "b", "c"), (4,), "float32")
NUMBER = DataSpec((), (4,), "float32", "number")
ENSEMBLES = [
    "sklearn.ensemble.HistGradientBoostingClassifier(min_samples_leaf=5, max_iter=20)",
    "sklearn.ensemble.GradientBoostingClassifier(n_estimators=20)",
    "sklearn.ensemble.RandomForestClassifier(n_estimators=10)",
    "sklearn.ensemble.BaggingClassifier",
]
SINGLE = [
    "sklearn.linear_model.LogisticRegression",
    "sklearn.neighbors.KNeighborsClassifier(algorithm='brute')",
    "sklearn.naive_bayes.GaussianNB", "sklearn.tree.DecisionTreeClassifier",
    "sklearn.neural_network.MLPClassifier(max_iter=5)",
]  # fmt: skip
pytestmark = pytest.mark.filterwarnings("ignore:.*iterations.*")


def batch(count: int = 90, number: bool = False) -> Batch:
    rng = np.random.default_rng(1)
    inputs = rng.normal(size=(count, 4)).astype(np.float32)
    classes = inputs[:, :3].argmax(axis=1)
    targets: Any = inputs[:, 0] * 3 + 5 if number else classes
    return Batch(tuple(map(str, range(count))), torch.from_numpy(inputs), torch.from_numpy(targets))


def fitted(text: str, seed: int = 0, some: Batch | None = None) -> EstimatorGraph:
    some = some or batch()
    graph = EstimatorGraph(estimator_named(text, of_numbers=False), CLASSES)
    graph.fit(np.asarray(some.inputs), np.asarray(some.targets), seed)
    return graph


@pytest.mark.parametrize("text", [*ENSEMBLES, *SINGLE])
def test_what_was_fitted_comes_back_bit_for_bit_and_equal_ones_make_equal_files(
    text: str, tmp_path: Path
) -> None:
    one, two = fitted(text, 3), fitted(text, 3)
    one.save_weights(tmp_path / "one")
    two.save_weights(tmp_path / "two")
    files = [(tmp_path / name / "estimator.skops").read_bytes() for name in ("one", "two")]
    assert files[0] == files[1]
    again = EstimatorGraph(estimator_named(text, of_numbers=False), CLASSES)
    again.load_weights(tmp_path / "one")
    inputs = np.asarray(batch(400).inputs)
    assert np.array_equal(again.predict(inputs), one.predict(inputs))
    save_tree(one.state(), tmp_path / "state")
    third = EstimatorGraph(estimator_named(text, of_numbers=False), CLASSES)
    third.restore(load_tree(tmp_path / "state"))
    assert np.array_equal(third.predict(inputs), one.predict(inputs))


@pytest.mark.slow
def test_another_process_fits_and_writes_the_same(tmp_path: Path) -> None:
    code = (
        "from tests.test_estimator import fitted, ENSEMBLES; from pathlib import Path\n"
        f"fitted(ENSEMBLES[0], 3).save_weights(Path({str(tmp_path)!r}))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
    fitted(ENSEMBLES[0], 3).save_weights(tmp_path / "here")
    here = (tmp_path / "here" / "estimator.skops").read_bytes()
    assert (tmp_path / "estimator.skops").read_bytes() == here


@pytest.mark.parametrize("text", ENSEMBLES)
def test_members_of_an_ensemble_are_drawn_by_the_seed_alone(text: str) -> None:
    graph, some = fitted(text), batch()
    found = graph.infer(some, ("samples", "probabilities", "embeddings"), samples=6, seed=2)
    assert found["samples"].shape == (90, 6, 3)
    assert found["samples"].sum(axis=2) == pytest.approx(np.ones((90, 6)), abs=1e-5)
    assert found["embeddings"].shape == (90, 4)
    part = Batch(some.ids[:7], some.inputs[:7], None)
    again = graph.infer(part, ("samples",), samples=6, seed=2)["samples"]
    assert np.array_equal(again, found["samples"][:7])
    assert found["samples"].std(axis=1).max() > 0


@pytest.mark.parametrize("text", SINGLE)
def test_an_estimator_without_members_says_so_in_a_line(text: str) -> None:
    with pytest.raises(StrategyError, match="has no members to draw samples from: pass"):
        fitted(text).infer(batch(), ("samples",), samples=3, seed=0)


@pytest.mark.parametrize("text", [*SINGLE, *ENSEMBLES])
def test_who_has_no_members_is_known_before_anything_is_learned(text: str) -> None:
    graph = EstimatorGraph(estimator_named(text, of_numbers=False), CLASSES)
    if text in ENSEMBLES:
        graph.check_samples()
        return
    with pytest.raises(StrategyError, match="has no members to draw samples from: pass"):
        graph.check_samples()


def test_members_agree_while_all_labels_are_of_one_class() -> None:
    graph, some = EstimatorGraph(estimator_named(ENSEMBLES[0], of_numbers=False), CLASSES), batch()
    graph.fit(np.asarray(some.inputs), np.full(90, 1), 0)
    found = graph.infer(some, ("samples",), samples=4, seed=0)["samples"]
    assert found.shape == (90, 4, 3)
    assert (found == [0.0, 1.0, 0.0]).all()


def test_classes_that_training_never_saw_have_no_probability() -> None:
    some = batch()
    targets = np.where(np.asarray(some.targets) == 1, 2, some.targets)
    for text in (*ENSEMBLES, SINGLE[0]):
        graph = EstimatorGraph(estimator_named(text, of_numbers=False), CLASSES)
        graph.fit(np.asarray(some.inputs), targets, 0)
        found = graph.infer(some, ("probabilities",))["probabilities"]
        assert found.shape == (90, 3)
        assert (found[:, 1] == 0).all()
        graph.fit(np.asarray(some.inputs), np.full(90, 2), 0)  # a single class
        assert (graph.predict(np.asarray(some.inputs)) == [0, 0, 1]).all()


def test_metrics_are_those_asked_for() -> None:
    two = DataSpec(("no", "yes"), (4,), "float32")
    measures = ("auroc", "average_precision", "f1", "accuracy")
    graph = EstimatorGraph(estimator_named(SINGLE[0], of_numbers=False), two, measures)
    some = batch()
    targets = np.asarray(some.inputs)[:, 0] > 1.2
    graph.fit(np.asarray(some.inputs), targets.astype(int), 0)
    labelled = Batch(some.ids, some.inputs, torch.from_numpy(targets.astype(int)))
    found = graph.evaluate([labelled])
    from sklearn import metrics

    p = graph.predict(np.asarray(some.inputs))[:, 1]
    assert set(found) == {*measures, "loss"} == set(graph.metrics)
    assert found["auroc"] == pytest.approx(metrics.roc_auc_score(targets, p), abs=1e-5)
    expected = metrics.average_precision_score(targets, p)
    assert found["average_precision"] == pytest.approx(expected, abs=1e-5)
    assert found["f1"] == pytest.approx(metrics.f1_score(targets, p > 0.5), abs=1e-5)
    assert found["loss"] == pytest.approx(metrics.log_loss(targets, p), abs=1e-5)
    right = graph.each([labelled], "accuracy")
    assert right is not None
    assert right.mean() == pytest.approx(found["accuracy"])


@pytest.mark.parametrize(
    "text",
    [
        "sklearn.ensemble.HistGradientBoostingRegressor(min_samples_leaf=5)",
        "sklearn.ensemble.RandomForestRegressor(n_estimators=20)",
        "sklearn.linear_model.Ridge",
    ],
)
def test_a_number_has_a_mean_and_a_variance(text: str, tmp_path: Path) -> None:
    graph = EstimatorGraph(estimator_named(text, of_numbers=True), NUMBER)
    some = batch(number=True)
    before = graph.evaluate([some])
    graph.fit(np.asarray(some.inputs), np.asarray(some.targets), 0)
    after = graph.evaluate([some])
    assert set(after) == {"rmse", "nll", "loss"} == set(graph.lower)
    assert after["rmse"] < 0.3 * before["rmse"]
    mean, variance = graph.infer(some, ("probabilities",))["probabilities"].T
    assert (variance > 0).all()
    away = float(np.sqrt(np.mean((mean - np.asarray(some.targets)) ** 2)))
    assert after["rmse"] == pytest.approx(away, abs=1e-4)
    answer = graph.predict(np.asarray(some.inputs))
    assert answer["value"].to_numpy() == pytest.approx(mean, abs=1e-4)
    graph.save_weights(tmp_path)
    again = EstimatorGraph(estimator_named(text, of_numbers=True), NUMBER)
    again.load_weights(tmp_path)
    assert again.predict(np.asarray(some.inputs)).equals(answer)
    if "Ridge" not in text:
        found = graph.infer(some, ("samples",), samples=4, seed=0)["samples"]
        assert found.shape == (90, 4, 2)
        assert np.unique(variance).size > 1


@pytest.mark.parametrize(
    ("text", "kind", "says"),
    [
        ("forest", "class", "write package.module.Class"),
        ("sklearn.ensemble.RandomForestClassifier(3)", "class", "write package.module.Class"),
        ("sklearn.ensemble.RandomForestClassifier(a=__import__('os'))", "class", "write package"),
        ("__import__('os').system", "class", "no module|No module|write package"),
        ("sklearn.ensemble.RandomForestClasifier", "class", "did you mean"),
        ("os.system(command='false')", "class", "is not an estimator of scikit-learn's kind"),
        ("sklearn.preprocessing.StandardScaler", "class", "is not an estimator of scikit-learn"),
        ("nosuch.module.Thing", "class", "No module named 'nosuch'"),
        ("sklearn.ensemble.RandomForestClassifier(trees=3)", "class", "cannot be made"),
        ("sklearn.linear_model.Ridge", "class", "is not a classifier, as the target is a class"),
        ("sklearn.naive_bayes.GaussianNB", "number", "is not a regressor, as the target"),
        ("sklearn.svm.LinearSVC", "class", "gives no probabilities"),
    ],
)  # fmt: skip
def test_a_name_that_cannot_be_used_is_one_line(text: str, kind: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        estimator_named(text, of_numbers=kind == "number")
    assert "\n" not in str(caught.value)


def test_files_that_are_missing_damaged_foreign_or_poisoned_are_refused(tmp_path: Path) -> None:
    graph = fitted(ENSEMBLES[2])
    with pytest.raises(DataError, match="is missing"):
        graph.load_weights(tmp_path / "nowhere")
    graph.save_weights(tmp_path)
    path = tmp_path / "estimator.skops"
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for cut in (0, 10, len(whole) // 2):
        path.write_bytes(whole[:cut])
        with pytest.raises(DataError, match="damaged"):
            graph.load_weights(tmp_path)
    for _ in range(30):
        content = bytearray(whole)
        for place in rng.integers(0, len(content), 5):
            content[place] ^= 0xFF
        path.write_bytes(bytes(content))
        with suppress(AlError):
            graph.load_weights(tmp_path)
    path.write_bytes(whole)
    other = EstimatorGraph(graph._new, DataSpec(("a", "b", "c"), (5,), "float32"))
    with pytest.raises(DataError, match="another task"):
        other.load_weights(tmp_path)
    with zipfile.ZipFile(path) as opened:
        parts = {name: opened.read(name) for name in opened.namelist()}
    poison = parts["schema.json"].replace(b"DecisionTreeClassifier", b"system").replace(
        b"sklearn.tree._classes", b"os"
    )  # fmt: skip
    with zipfile.ZipFile(path, "w") as made:
        for name, content in {**parts, "schema.json": poison}.items():
            made.writestr(name, content)
    with pytest.raises(DataError, match=r"os\.system, which is not trusted"):
        graph.load_weights(tmp_path)


def test_what_cannot_be_kept_without_code_is_refused_before_it_is_kept(tmp_path: Path) -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    strange = make_pipeline(FunctionTransformer(_twice), LogisticRegression())
    graph = EstimatorGraph(strange, CLASSES)
    some = batch()
    graph.fit(np.asarray(some.inputs), np.asarray(some.targets), 0)
    predicted = r"a Pipeline holds a tests\.test_estimator._twice"
    with pytest.raises(ConfigError, match=predicted):
        graph.save_weights(tmp_path)
    with pytest.raises(ConfigError, match=predicted):
        EstimatorGraph(strange, CLASSES).check_kept()


class Curious(DummyClassifier):  # type: ignore[misc]
    """Keeps of which type and width the samples were that it was fitted to and asked about."""

    seen: ClassVar[list[Any]] = []

    def fit(self, inputs: Any, targets: Any) -> Any:
        self.seen.append((inputs.dtype, inputs.shape[1:]))
        return super().fit(inputs, targets)

    def predict_proba(self, inputs: Any) -> Any:
        self.seen.append((inputs.dtype, inputs.shape[1:]))
        return super().predict_proba(inputs)


@pytest.mark.parametrize("kind", [np.uint8, np.float64])
def test_an_estimator_sees_rows_of_float32_whatever_samples_are(kind: Any) -> None:
    graph = EstimatorGraph(Curious(), DataSpec(("a", "b"), (2, 2), "uint8"))
    images = np.ones((6, 2, 2), kind)
    Curious.seen.clear()
    graph.fit(images, np.arange(6) % 2, 0)
    graph.predict(images)
    assert len(Curious.seen) >= 2
    assert set(Curious.seen) == {(np.dtype(np.float32), (4,))}


class Talkative(DummyClassifier):  # type: ignore[misc]
    """Says at length why nothing can be made of it."""

    def __getstate__(self) -> Any:
        raise RuntimeError("I hold\n  a socket " + "and more " * 40)


def test_why_something_cannot_be_kept_is_a_line_of_words() -> None:
    from al.graphs.sklearn_files import to_bytes

    with pytest.raises(ConfigError) as caught:
        to_bytes(Talkative(), "Talkative")
    assert "a Talkative cannot be kept as numbers (I hold a socket and more" in str(caught.value)
    assert len(str(caught.value)) < 250


def test_no_member_is_drawn_twice_before_all_were_drawn_once() -> None:
    graph = fitted("sklearn.ensemble.RandomForestClassifier(n_estimators=12)")
    inputs = torch.from_numpy(np.random.default_rng(0).normal(size=(400, 4)).astype(np.float32))
    some = Batch(tuple(map(str, range(400))), inputs, None)
    found = graph.infer(some, ("samples",), samples=11, seed=0)["samples"]
    assert len(np.unique(found, axis=1)[0]) == 11
    many = graph.infer(some, ("samples",), samples=60, seed=0)["samples"]
    assert len(np.unique(many, axis=1)[0]) <= 12


def _twice(values: Any) -> Any:
    return values * 2


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("sklearn.neighbors.KNeighborsClassifier(n_neighbors=15)", "n_neighbors"),
        ("sklearn.calibration.CalibratedClassifierCV(cv=5)", "5"),
    ],
)
def test_an_estimator_that_needs_more_labels_waits_for_them_with_a_line(
    text: str, reason: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    few = fitted(text, some=batch(10))
    (line,) = caplog.messages
    assert reason in line
    assert "from 10 labels: until there are more the model says the share of each class" in line
    assert "\n" not in line
    shares = np.bincount(np.asarray(batch(10).targets), minlength=3) / 10
    assert few.predict(np.asarray(batch(2).inputs)) == pytest.approx(np.stack([shares] * 2))
    few.save_weights(tmp_path / "few")
    enough = fitted(text)
    assert len(caplog.messages) == 1
    assert enough.evaluate([batch()])["accuracy"] > 0.8
    enough.save_weights(tmp_path / "enough")
    for name, graph in (("few", few), ("enough", enough)):
        again = EstimatorGraph(estimator_named(text, of_numbers=False), CLASSES)
        again.load_weights(tmp_path / name)
        inputs = np.asarray(batch().inputs)
        assert np.array_equal(again.predict(inputs), graph.predict(inputs))


def test_a_regressor_that_needs_more_labels_says_their_mean(
    caplog: pytest.LogCaptureFixture,
) -> None:
    text = "sklearn.neighbors.KNeighborsRegressor(n_neighbors=15)"
    graph = EstimatorGraph(estimator_named(text, of_numbers=True), NUMBER)
    some = batch(6, number=True)
    graph.fit(np.asarray(some.inputs), np.asarray(some.targets), 0)
    assert "from 6 labels: until there are more the model says their mean" in caplog.text
    value = graph.predict(np.asarray(some.inputs))["value"]
    assert value.to_numpy() == pytest.approx(np.full(6, float(some.targets.mean())))


def test_a_parameter_out_of_range_is_refused_as_no_label_mends_it() -> None:
    with pytest.raises(ConfigError, match=r"n_neighbors.*check it|cannot learn.*another"):
        fitted("sklearn.neighbors.KNeighborsClassifier(n_neighbors=-3)")


@pytest.mark.parametrize(
    "text",
    [ENSEMBLES[2], "sklearn.linear_model.LogisticRegression"],
)  # fmt: skip
def test_balanced_weights_are_what_scikit_learn_calls_balanced(text: str) -> None:
    some = batch()
    targets = np.where(np.asarray(some.inputs)[:, 0] > 1.0, 1, 0)
    graph = EstimatorGraph(estimator_named(text, of_numbers=False), CLASSES)
    counts = np.bincount(targets, minlength=3)
    graph.weigh(np.where(counts > 0, len(targets) / (2 * np.maximum(counts, 1)), 1.0))
    graph.fit(np.asarray(some.inputs), targets, 0)
    balanced = estimator_named(text, of_numbers=False).set_params(
        class_weight="balanced", random_state=0
    )
    expected = balanced.fit(np.asarray(some.inputs), targets)
    found = graph.predict(np.asarray(some.inputs))
    predicted = expected.predict_proba(np.asarray(some.inputs))
    assert found[:, :2] == pytest.approx(predicted, abs=2e-3)
    plain = estimator_named(text, of_numbers=False).fit(np.asarray(some.inputs), targets)
    assert np.abs(plain.predict_proba(np.asarray(some.inputs)) - predicted).max() > 0.05


def test_weights_of_classes_are_refused_where_nothing_takes_them() -> None:
    text = "sklearn.neighbors.KNeighborsClassifier"
    graph = EstimatorGraph(estimator_named(text, of_numbers=False), CLASSES)
    with pytest.raises(NotImplementedError):
        graph.weigh(np.ones(3))


def test_a_model_is_written_once_and_read_once(tmp_path: Path) -> None:
    graph = fitted(ENSEMBLES[0])
    graph.save_weights(tmp_path)
    assert graph._kept() is graph._kept()
    one, two = (EstimatorGraph(graph._new, graph.spec) for _ in range(2))
    one.load_weights(tmp_path)
    two.load_weights(tmp_path)
    assert one.model is two.model
    inputs = np.random.default_rng(0).normal(size=(9, *graph.spec.input_shape)).astype(np.float32)
    assert (one.predict(inputs) == graph.predict(inputs)).all()
    before = graph._kept()
    graph.fit(inputs, np.arange(9) % 2, 1)
    assert graph._kept() != before
    assert (one.predict(inputs) == two.predict(inputs)).all()


@pytest.mark.parametrize("text", [*ENSEMBLES, *SINGLE])
def test_who_says_the_same_alone_says_it_in_any_company(text: str) -> None:
    graph = fitted(text)
    assert graph.alone == ("HistGradient" in text)
    if graph.alone:
        whole = graph.infer(batch(), ["probabilities", "samples"], seed=3)
        for size in (1, 7, 64):
            cut = [
                graph.infer(Batch(b.ids, b.inputs, None), ["probabilities"])["probabilities"]
                for start in range(0, 90, size)
                for b in [Batch((), batch().inputs[start : start + size], None)]
            ]
            assert (np.concatenate(cut) == whole["probabilities"]).all()
