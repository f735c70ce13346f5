"""Campaigns whose samples an encoder reads: begun, gone on with, served; what is refused."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from al.catalog import encoders, make_task
from al.data import encoding
from al.errors import ConfigError, DataError
from tests.encoders import counted, image_model, text_model
from tests.own_data import coloured_folder, sentences
from tests.stores import runs, table

Make = Callable[..., Any]
FEW: dict[str, Any] = {"validation_size": 9, "initial_size": 6, "query_size": 6, "cycles": 1}


def test_a_campaign_keeps_its_encoder_and_its_model_carries_its_name(
    campaign: Make, client: Any, folder: Path, caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    import mlflow

    model = image_model(folder / "dino")
    data = coloured_folder(folder / "photos")
    given = {"task": "image-folder", "data": str(data), "encoder": "dino", **FEW}
    result = campaign(**given).run()
    assert result.curve["accuracy"].iloc[-1] > 0.6
    assert "80 images embedded by dino and kept" in caplog.text
    name = result.campaign
    (run,) = runs(client, role="campaign")
    assert run.data.params["encoder"] == "dino"
    # Gone on with: nothing is embedded again.
    caplog.clear()
    campaign(**{**given, "cycles": 2}).run()
    assert "embedded" not in caplog.text
    # Served from another folder, where the cache is not, and nothing is left behind.
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    with monkeypatch.context() as patch:
        patch.chdir(elsewhere)
        patch.setenv("AL_CACHE_DIR", str(elsewhere))
        patch.setattr(encoding, "_made", {})  # as in another process
        loaded = mlflow.pyfunc.load_model(f"models:/{name}/Production")
        answer = loaded.predict(loaded.input_example)
    assert list(answer["label"]) == ["red", "green"]
    assert not list(elsewhere.iterdir())
    needs = Path(mlflow.artifacts.download_artifacts(f"models:/{name}/Production"))
    assert "transformers==" in (needs / "requirements.txt").read_text()
    # Another model in its place.
    image_model(model, seed=1)
    with pytest.raises(DataError, match="encoder dino is not what it was") as caught:
        campaign(**{**given, "cycles": 3}).run()
    assert "\n" not in str(caught.value)
    monkeypatch.setattr(encoding, "_made", {})  # as in another process
    with pytest.raises(DataError, match="encoder dino is not what it was"):
        mlflow.pyfunc.load_model(f"models:/{name}/Production")


def test_an_encoder_that_was_trained_is_served_where_its_folder_is_not(
    campaign: Make, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    text_model(folder / "bert")
    path = sentences(folder / "s.csv")
    given = {
        "task": "text", "data": str(path), "text": "sentence", "target": "about",
        "encoder": "bert", "finetune": "on", "finetune_lr": 0.003, "epochs": 6, "cycles": 1,
        "strategy": "badge", "campaign": "c",
    }  # fmt: skip
    result = campaign(**given).run()
    shutil.rmtree(folder / "bert")
    monkeypatch.setattr(encoding, "_made", {})  # as in another process
    version = Path(mlflow.artifacts.download_artifacts("models:/c/Production"))
    carried = {file.name for file in (version / "artifacts" / "encoder").rglob("*")}
    assert "config.json" in carried
    assert not [name for name in carried if name.endswith(".safetensors")]
    model = mlflow.pyfunc.load_model(str(version))
    frame = pd.read_csv(path)
    labelled = frame[frame["about"].notna()]
    right = (model.predict(labelled[["sentence"]])["label"].to_numpy() == labelled["about"]).mean()
    assert right == pytest.approx(result.curve["accuracy"].iloc[-1], abs=0.25)
    assert right > 0.5
    one, none = model.predict(pd.DataFrame({"sentence": ["rain", ""]})).to_dict("records")
    assert one["label"] in ("weather", "food", "trains")
    assert "it is empty" in none["error"]


@pytest.mark.slow
def test_auto_is_settled_once_and_not_asked_again(
    campaign: Make, client: Any, folder: Path, caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    kind = encoders.get("efficientnet-lite0")
    data = coloured_folder(folder / "photos")
    given = {"task": "image-folder", "data": str(data), **FEW}
    with monkeypatch.context() as patch:
        patch.setattr(kind, "missing", classmethod(lambda cls: ["a"]))
        first = campaign(**given).run()
    assert "pip install 'active-learning-pipeline[vision]'" in caplog.text
    assert "encoder" not in first.campaign
    caplog.clear()
    more = campaign(**{**given, "cycles": 2, "encoder": "auto"}).run()
    assert more.campaign == first.campaign
    assert "encoder" not in caplog.text
    (run,) = runs(client, role="campaign")
    assert run.data.params["encoder"] == "none"
    assert run.data.params["cold_start"] == "typiclust"
    with pytest.raises(ConfigError, match="runs with encoder=none, not tests"):
        campaign(**given, campaign=first.campaign, encoder="tests.encoders:Counting").run()


def test_the_baseline_reads_by_the_same_encoder_and_is_called_as_ever(
    campaign: Make, client: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUNTED", str(folder / "counted"))
    data = coloured_folder(folder / "photos")
    name = "tests.encoders:Counting"
    given = {"task": "image-folder", "data": str(data), **FEW, "encoder": name}
    campaign(**given, strategy="entropy", baseline="random").run()
    again = campaign(**given, strategy="random").run()  # it is there already
    assert len(runs(client, role="campaign")) == 2
    assert again.curve["accuracy"].notna().all()
    assert counted() == 80 + 2 * 2 * 1  # and the examples of a version, in each campaign
    assert {run.data.params["encoder"] for run in runs(client, role="campaign")} == {name}
    # There are vectors before any model, so the first query is by typical samples.
    asked = [table(client, run, "query.parquet") for run in runs(client, step="select-data")]
    assert {why for query in asked for why in query["strategy"]} == {"typiclust"}
    assert asked[0]["id"].tolist() == asked[1]["id"].tolist()


def test_texts_are_read_by_a_folder_and_strategies_of_all_kinds_read_the_head(
    campaign: Make, client: Any, folder: Path
) -> None:
    import mlflow

    text_model(folder / "bert")
    path = sentences(folder / "s.csv")
    given = {
        "task": "text", "data": str(path), "text": "sentence", "target": "about",
        "encoder": "bert", "embeddings": "float16", "cycles": 2, "campaign": "c",
    }  # fmt: skip
    chain = "bald(4x) > badge(2x) > learning_loss"
    campaign(**given, strategy=chain, calibrate="on").run()
    model = mlflow.pyfunc.load_model("models:/c/Production")
    answer = model.predict(pd.DataFrame({"sentence": ["rain and storm", "soup with salt"]}))
    assert set(answer["label"]) <= {"weather", "food", "trains"}
    assert (folder / "cache" / "embeddings").is_dir()
    (kept,) = {path.parent.name for path in (folder / "cache" / "embeddings").rglob("*.npy")}
    assert "float16" in kept


@pytest.mark.slow
def test_a_committee_of_heads_disagrees(campaign: Make, client: Any, folder: Path) -> None:
    text_model(folder / "bert")
    path = sentences(folder / "s.csv")
    campaign(
        task="text", data=str(path), text="sentence", target="about", encoder="bert", cycles=2,
        candidates=3, strategy="consensus_kl", campaign="c",
    ).run()  # fmt: skip
    steps = runs(client, step="select-data")
    scores = table(client, steps[-1], "query.parquet")["score"]
    assert scores.max() > 1e-4


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"encoder": "nowhere/at-all"}, "encoder=nowhere/at-all: there is no folder"),
        ({"encoder": "minilm-l6"}, "minilm-l6 takes texts, and the task has images|not installed"),
        ({"encoder": "none", "head": "mlp"}, "head=mlp needs an encoder"),
        ({"encoder": "none", "finetune": "on"}, "finetune=on trains a pretrained encoder, and"),
        (
            {"encoder": "tests.encoders:Counting", "finetune": "on"},
            "tests.encoders:Counting is not a torch network that gradients go through",
        ),
        ({"finetune": "on", "head": "mlp"}, "head=mlp: finetune=on begins with a linear head"),
        ({"finetune_lr": 0.0}, "finetune_lr=0.0: give more than 0"),
        ({"task": "digits", "data": "none", "finetune": "on"}, "'digits' takes no finetune"),
        ({"head": "deep"}, "head=deep: choose one of linear, mlp"),
        ({"task": "digits", "data": "none", "encoder": "dino"}, "'digits' takes no encoder"),
        ({"embeddings": "float8"}, "embeddings=float8"),
    ],
)
def test_what_cannot_be_is_one_line_and_nothing_begins(
    campaign: Make, client: Any, folder: Path, given: dict[str, Any], says: str
) -> None:
    data = coloured_folder(folder / "photos")
    with pytest.raises((ConfigError, DataError), match=says) as caught:
        campaign(**{"task": "image-folder", "data": str(data), **FEW, **given}).run()
    assert "\n" not in str(caught.value)
    assert not runs(client, role="campaign")


def test_a_sample_that_the_encoder_makes_nothing_of_is_one_line(
    campaign: Make, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from al.data.encoders.hugging_face import ImageEncoder

    image_model(folder / "dino")
    original = ImageEncoder.vectors

    def overflowing(self: ImageEncoder, network: Any, samples: Any) -> Any:
        return original(self, network, samples) * np.inf

    monkeypatch.setattr(ImageEncoder, "vectors", overflowing)
    data = coloured_folder(folder / "photos")
    with pytest.raises(
        DataError, match=r"encoder dino makes values that are not numbers of sample 1"
    ):
        campaign(task="image-folder", data=str(data), encoder="dino", **FEW).run()


def test_a_served_version_takes_bytes_and_squares_and_says_what_is_none(folder: Path) -> None:
    image_model(folder / "dino")
    data = coloured_folder(folder / "photos")
    task = make_task("image-folder", {"data": str(data), "encoder": "dino"})
    loader = task.data()
    task.ready(loader.spec)
    example = loader.example()
    found = task.inputs(loader.spec, example)
    ids = loader.ids("train")[:2]
    assert np.array_equal(found, loader.inputs(loader.rows(ids)).numpy())
    squares = loader.pictures.read(loader.fingerprints(ids))
    assert np.array_equal(task.inputs(loader.spec, squares), found)
    with pytest.raises(DataError, match="row 1 is not an image that can be read"):
        task.inputs(loader.spec, pd.DataFrame({"image": [example["image"][0], b"no"]}))
    with pytest.raises(DataError, match=r"images of shape \(8, 8, 3\) are not \(32, 32, 3\)"):
        task.inputs(loader.spec, squares[:, :8, :8])
    shutil.rmtree(data)  # a version needs no data
    assert np.array_equal(task.inputs(loader.spec, example), found)


@pytest.mark.slow
def test_photographs_in_a_folder_need_sixty_labels(
    campaign: Make, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    archive = Path(os.environ.get("AL_DATA_DIR", "nowhere")) / "pets3" / "pets3.zip"
    if not archive.is_file() or encoders.get("efficientnet-lite0").missing():
        pytest.skip("no photographs, or no encoder of the extra vision")
    with zipfile.ZipFile(archive) as photos:
        for name in photos.namelist():
            if name.startswith("images/"):
                file = name.removeprefix("images/")
                path = folder / "pets" / "train" / file.rpartition("_")[0] / file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(photos.read(name))
    result = campaign(
        task="image-folder", data="pets", cycles=3, initial_size=20, query_size=20,
        validation_size=40,
    ).run()  # fmt: skip
    assert "encoder efficientnet-lite0 reads the images" in caplog.text
    assert result.curve["labels"].iloc[-1] == 60
    assert result.curve["accuracy"].iloc[-1] > 0.9


@pytest.mark.parametrize(
    ("given", "encoder"),
    [
        ({"task": "mask-folder", "data": "x"}, "none"),
        ({"task": "coco", "data": "x", "encoder": "efficientnet-lite0"}, "efficientnet-lite0"),
        ({"task": "digits"}, "auto"),  # it means nothing there
    ],
)
def test_a_campaign_that_began_before_its_task_could_have_an_encoder_has_none(
    given: dict[str, Any], encoder: str
) -> None:
    from al.config import Config
    from al.contracts import DataSpec, Splits
    from al.pipeline.campaign_record import SCHEMA, CampaignRecord

    config = Config(**given).to_dict()
    spec = DataSpec(("a", "b"), (2,), "float32")
    assert CampaignRecord(SCHEMA, config, spec, Splits((), ()), {}).as_config().encoder == encoder
