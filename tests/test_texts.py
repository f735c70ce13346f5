"""Texts in files: hashed words, sparse, learned from; a Hugging Face folder where it is given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from al.catalog import make_task, tasks
from al.data import TextFileLoader
from al.data.texts import features
from al.errors import ConfigError, DataError
from tests.own_data import sentences


def test_texts_are_hashed_words_of_length_one_whoever_hashes_them() -> None:
    found = features(["pay the bill", "Pay the BILL!", "something else", ""])
    assert found.shape == (4, 4096)
    dense = found.toarray()
    assert np.array_equal(dense[0], dense[1])
    assert np.linalg.norm(dense, axis=1) == pytest.approx([1, 1, 1, 0])
    assert sorted(np.flatnonzero(dense[2]).tolist()) == [
        171,
        775,
        3462,
    ]  # for ever


def test_rows_without_a_text_are_left_out_with_a_count_and_words_like_none_stay(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "t.csv"
    path.write_text("body,kind,from\nnone,a,x\n,b,y\nwho?,b,z\n?,,w\n")
    data = TextFileLoader(str(path), "body", "kind")
    assert "1 of 4 rows have no text and are left out, t.csv row 2 first" in caplog.text
    assert [data.preview(id).text for id in data.samples.ids] == ["none", "who?", "?"]
    assert data.samples.labels == ["a", "b", None]
    assert data.samples.places[1] == "t.csv row 3"
    seen = data.metadata(data.samples.ids)
    assert list(seen["from"]) == ["x", "z", "w"]
    assert list(seen["words"]) == [1, 1, 1]


def test_a_text_costs_its_words(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("body,kind\none two  three,a\n!,b\n")
    data = TextFileLoader(str(path), "body", "kind")
    assert data.costs(data.samples.ids[::-1]).tolist() == [1.0, 3.0]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("text,kind\na,1\n", "t.csv has no column 'body': choose one of kind, text"),
        ("body,knd\na,1\n", "t.csv has no column 'kind': did you mean 'knd'"),
        ("body,kind\n ,1\n,2\n", "column 'body' of t.csv holds no text"),
        ("body,kind\n" + "\n".join(f"t{n},{n}.5" for n in range(40)), "holds numbers, and texts"),
        ("body,kind\na,\nb,\n", "column 'kind' holds no label"),
    ],
)
def test_what_is_wrong_with_a_file_of_texts_is_one_line(
    tmp_path: Path, content: str, says: str
) -> None:
    (tmp_path / "t.csv").write_text(content)
    with pytest.raises(DataError, match=says) as caught:
        TextFileLoader(str(tmp_path / "t.csv"), "body", "kind")
    assert "\n" not in str(caught.value)


def test_copies_of_a_text_are_in_one_split_only() -> None:
    data = tasks.get("sms-spam")().data()
    data.freeze(data.propose_splits(100, 0))
    parts = [data.ids(split) for split in ("train", "val", "test")]
    held = [set(data.fingerprints(ids)) for ids in parts]
    assert sum(map(len, parts)) == 5574
    assert sum(map(len, held)) == 5574 - 414  # 403, and those that differ by space around them
    assert not held[0] & held[1]
    assert not held[0] & held[2]
    assert not held[1] & held[2]
    spam = [np.mean([label == "spam" for label in data.truth(ids)]) for ids in parts]
    assert spam == pytest.approx([0.134] * 3, abs=0.02)


@pytest.mark.parametrize("estimator", ["none", pytest.param("linear", marks=pytest.mark.slow)])
def test_a_campaign_learns_from_texts_and_its_model_takes_them(
    campaign: Callable[..., Any], folder: Path, estimator: str
) -> None:
    import mlflow

    path = sentences(folder / "s.csv")
    result = campaign(
        task="text", data=str(path), text="sentence", target="about", estimator=estimator,
        encoder="none", epochs=20, campaign="c", cycles=1,
    ).run()  # fmt: skip
    assert result.curve["accuracy"].iloc[-1] > 0.6
    served = mlflow.pyfunc.load_model("models:/c/Production")
    answer = served.predict(pd.DataFrame({"sentence": ["rain and storm", "soup with salt"]}))
    assert list(answer["label"]) == ["weather", "food"]


def test_a_model_given_as_an_estimator_is_reported_where_it_belongs() -> None:
    known = {"data": "x", "text": "t", "target": "y"}
    with pytest.raises(ConfigError, match=r"did you mean 'linear'\?; .* is encoder=linea"):
        make_task("text", {**known, "estimator": "linea"})
    with pytest.raises(ConfigError, match="estimator=linear learns from hashed words"):
        make_task("text", {**known, "estimator": "linear", "encoder": "minilm-l6"})
