"""What a power cut or a hand damaged, and something else tells: it is made again, with a line."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from al.errors import LaterState, RegistryError, StateError
from tests.conftest import SMALL
from tests.stores import client_at, runs, table


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def zero(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def zero_the_end(path: Path) -> None:
    """Half of it was written: the file has its length, and a header that reads well."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2] + bytes(len(content) - len(content) // 2))


DAMAGES = pytest.mark.parametrize("damage", [cut, zero, zero_the_end, Path.unlink])


class Whole:
    """A campaign of two closed cycles and a third whose answers are in, and its files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.uri = f"sqlite:///{folder}/mlflow.db"
        self.client = client_at(self.uri)
        self.client.create_experiment("here", artifact_location=str(folder / "artifacts"))
        self.campaign().run()
        for step in ("select-data", "annotate"):
            self.campaign().step(step)
        self.kept = folder / "kept"
        shutil.copytree(folder / "artifacts", self.kept)

    def campaign(self) -> Any:
        import al

        return al.Campaign(
            tracking_uri=self.uri, experiment="here", show_progress=False, campaign="c", **SMALL
        )

    def run(self, **tags: str) -> Any:
        return runs(self.client, campaign="c", **tags)[-1]

    def file(self, name: str, **tags: str) -> Path:
        return Path(self.run(**tags).info.artifact_uri) / name

    def kept_of(self, path: Path) -> Path:
        """The same file as it was."""
        return self.kept / path.relative_to(self.folder / "artifacts")

    def weights(self, kind: str) -> Path:
        """Of the version in Production, or of the checkpoint that it came from."""
        version = self.client.get_model_version_by_alias("c", "champion")
        if kind == "version":
            model, below = version.source.removeprefix("models:/"), "artifacts/weights/"
        else:
            model, below = version.tags["al.checkpoint"], ""
        place = self.client.get_logged_model(model).artifact_location
        return Path(place) / f"{below}weights.safetensors"


@pytest.fixture(scope="module")
def made(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    import mlflow

    folder = tmp_path_factory.mktemp("whole")
    shutil.copy(empty_database, folder / "mlflow.db")
    yield Whole(folder)
    mlflow.set_tracking_uri(None)


@pytest.fixture
def whole(made: Whole) -> Iterator[Whole]:
    """It, and its artifacts as they were afterwards."""
    yield made
    shutil.rmtree(made.folder / "artifacts")
    shutil.copytree(made.kept, made.folder / "artifacts")


#: What cycles leave that are closed, and what the campaign began with: tags of the run, file.
LEFT = [
    ({"role": "campaign"}, "campaign.json"),
    ({"role": "cycle", "cycle": "1"}, "state/state.json"),
    ({"role": "cycle", "cycle": "2"}, "state/labels.parquet"),
    ({"step": "select-data", "cycle": "2"}, "query.parquet"),
    ({"step": "compare", "cycle": "2"}, "verdict.json"),
    ({"step": "select-model", "cycle": "2"}, "election.json"),
]
LINES = (
    "it was written anew from campaign_copy.json",
    "cycle 1: ", "cycle 2: ", "it is made again of what the cycle's steps left",
    "the query was chosen again", "the verdict is made again", "the election is held again",
)  # fmt: skip


@DAMAGES
def test_all_that_closed_cycles_left_is_made_again_as_it_was(
    whole: Whole, damage: Callable[[Path], Any], caplog: pytest.LogCaptureFixture
) -> None:
    files = [whole.file(name, **tags) for tags, name in LEFT]
    for path in files:
        damage(path)
    whole.campaign().step("annotate")
    for line in LINES:
        assert line in caplog.text
    for path in files:
        assert path.read_bytes() == whole.kept_of(path).read_bytes(), path.name
    caplog.clear()
    whole.campaign().step("annotate")
    assert "again" not in caplog.text


@DAMAGES
def test_the_query_of_an_open_cycle_is_chosen_again(
    whole: Whole, damage: Callable[[Path], Any], caplog: pytest.LogCaptureFixture
) -> None:
    path = whole.file("query.parquet", step="select-data")
    damage(path)
    whole.campaign().step("annotate")
    assert "cycle 3: " in caplog.text
    assert "the query was chosen again" in caplog.text
    assert path.read_bytes() == whole.kept_of(path).read_bytes()


@DAMAGES
def test_answers_that_are_damaged_are_collected_again(
    whole: Whole, damage: Callable[[Path], Any], caplog: pytest.LogCaptureFixture
) -> None:
    def answers() -> Any:
        kept = table(whole.client, whole.run(step="annotate"), "answers.parquet")
        return kept.drop(columns="answered_at").to_dict("list")

    before = answers()
    damage(whole.file("answers.parquet", step="annotate"))
    whole.campaign().step("annotate")
    assert "the answers are collected again" in caplog.text
    assert repr(answers()) == repr(before)


@DAMAGES
def test_weights_of_the_version_in_production_are_restored_from_their_checkpoint(
    whole: Whole, damage: Callable[[Path], Any], caplog: pytest.LogCaptureFixture
) -> None:
    path = whole.weights("version")
    content = path.read_bytes()
    damage(path)
    whole.campaign().predict(to=str(whole.folder / f"predicted-{damage.__name__}"))
    assert "were damaged or gone: restored from checkpoint m-" in caplog.text
    assert path.read_bytes() == content


def test_weights_whose_checkpoint_is_damaged_too_are_one_line(whole: Whole) -> None:
    for kind in ("version", "checkpoint"):
        zero(whole.weights(kind))
    with pytest.raises(RegistryError, match="so is the checkpoint that they came from: restore"):
        whole.campaign().predict(to=str(whole.folder / "predicted-none"))


def test_a_state_of_a_later_version_is_not_damage(whole: Whole) -> None:
    path = whole.file("state/state.json", role="cycle", cycle="2")
    path.write_text(path.read_text().replace('"schema": 4', '"schema": 99'))
    content = path.read_bytes()
    with pytest.raises(LaterState, match="install the version that wrote it"):
        whole.campaign().step("annotate")
    assert path.read_bytes() == content


def test_a_query_that_does_not_come_out_as_people_were_asked_is_one_line_that_helps(
    whole: Whole,
) -> None:
    run, asked = whole.run(step="select-data"), whole.run(step="annotate")
    whole.client.set_tag(run.info.run_id, "al.query_digest", "of another machine")
    line = f"gives another query: .*delete run {run.info.run_id} and run {asked.info.run_id}"
    with pytest.raises(StateError, match=line):
        whole.campaign().step("annotate")
    for one in (run, asked):
        whole.client.delete_run(one.info.run_id)
    whole.campaign().step("select-data")
    whole.campaign().step("annotate")
    assert whole.run(step="annotate").data.metrics["answers/answered"] == SMALL["query_size"]
