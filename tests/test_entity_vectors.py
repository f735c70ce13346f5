"""Vectors of words by a pretrained encoder: each word its own, each text read once."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from al.catalog import make_task
from al.contracts import Encoder
from al.contracts.encoding import Encoded
from al.data.encoders.hugging_face import TextEncoder
from al.data.entities.tokens import FEATURES, tokens_of
from al.randomness import seeded
from tests.encoders import text_model
from tests.entity_texts import json_lines


class Whole(Encoder):
    """Reads texts as a whole."""

    name, digest, width = "tests.test_entity_vectors:Whole", "whole", 2
    takes: ClassVar[Encoded] = "texts"

    def __call__(self, samples: Any) -> np.ndarray:
        return np.ones((len(samples), 2), np.float32)


class Letters(Whole):
    """Of each word how long it is and where it begins; it writes down what it was asked about."""

    name, digest = "tests.test_entity_vectors:Letters", "letters"
    reads_words: ClassVar[bool] = True
    asked: ClassVar[list[str]] = []

    def words(self, texts: Any, spans: Any) -> list[np.ndarray]:
        self.asked += list(texts)
        return [
            np.array([[e - s, s] for s, e in some], np.float32).reshape(-1, 2) for some in spans
        ]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AL_CACHE_DIR", str(tmp_path / "cache"))
    Letters.asked.clear()


def test_a_word_has_the_mean_of_the_states_of_its_own_tokens(tmp_path: Path) -> None:
    encoder = TextEncoder(text_model(tmp_path / "model"), "tiny")
    texts = ["rain 🎉 sun, late", "", "bread " * 60, "rain"]
    spans = [tokens_of(text) for text in texts]
    found = encoder.words(texts, spans)
    assert [len(own) for own in found] == [5, 0, 60, 1]
    coded = encoder._tokenizer(texts[0])["input_ids"]
    with torch.inference_mode():
        states = encoder._network(torch.tensor([coded])).last_hidden_state[0].numpy()
    # [CLS] rain [UNK] sun [UNK] late [SEP]
    assert found[0] == pytest.approx(states[1:6], abs=1e-5)
    assert (found[2][:38] != 0).any(axis=1).all()
    assert (found[2][38:] == 0).all()  # it reads 40 tokens, with begin and end
    again = encoder.words(texts[::-1], spans[::-1])[::-1]
    assert all(np.array_equal(one, two) for one, two in zip(found, again, strict=True))


def made(tmp_path: Path, encoder: Any = None) -> tuple[Any, Any]:
    path = json_lines(tmp_path / "texts.jsonl", 60)
    name = encoder or Letters.name
    task = make_task("text-entities", {"data": str(path), "encoder": str(name)})
    data = task.data()
    data.freeze(data.propose_splits(10, 0))
    return task, data


def test_each_text_is_read_once_and_its_words_stand_behind_their_features(tmp_path: Path) -> None:
    _, data = made(tmp_path)
    ids = data.ids("train")
    for batch in data.batches(ids, batch_size=7):
        for id, rows in zip(batch.ids, batch.inputs.numpy(), strict=True):
            spans = np.array(tokens_of(data.preview(id).text))
            own = rows[: len(spans)]
            assert np.array_equal(own[:, :2], spans)
            expected = np.stack([spans[:, 1] - spans[:, 0], spans[:, 0]], axis=1)
            assert np.array_equal(own[:, 2 + FEATURES :], expected)
            assert (rows[len(spans) :] == 0).all()
    assert len(Letters.asked) == len(set(Letters.asked)) == 60
    assert made(tmp_path)[1].features(ids).shape == (len(ids), 2)
    assert len(made(tmp_path)[1].features(())) == 0
    assert len(Letters.asked) == 60  # another process reads what is kept


def test_a_graph_learns_from_vectors_and_a_served_version_makes_the_same(tmp_path: Path) -> None:
    task, data = made(tmp_path, text_model(tmp_path / "model"))
    ids = data.ids("train")[:8]
    (batch,) = data.batches(ids, data.truth(ids), batch_size=8)
    given = task.inputs(data.spec, [data.preview(id).text for id in ids])
    assert given == pytest.approx(batch.inputs.numpy(), abs=1e-6)
    assert given.dtype == np.float32
    task.ready(data.spec)
    with seeded(0):
        graph = task.graph(data.spec)
    graph.prepare_training(lr=0.01, epochs=1)
    before = graph.network.trunk.read[1].weight.clone()
    graph.train_batch(batch)
    graph.train_batch(batch)
    assert (graph.network.trunk.read[1].weight != before).any()
