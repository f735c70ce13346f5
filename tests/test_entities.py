"""Named spans of text: what they are scored by, and how tags of tokens become spans and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from al.contracts import DataSpec
from al.data.entities.conll import tags_of
from al.data.entities.tokens import rows_of, together, tokens_of
from al.errors import LabelError
from al.graphs import EntityGraph
from al.kinds import kind_of
from al.kinds.entities import counted

CLASSES = ("PER", "LOC", "ORG")
SPEC = DataSpec(CLASSES, (16, 10), "int32", "entities")
KIND: Any = kind_of(SPEC)
Span = tuple[int, int, str]


def label_of(*spans: Span) -> list[dict[str, Any]]:
    return [{"start": s, "end": e, "label": name} for s, e, name in spans]


@st.composite
def labels(draw: Any, tokens: int = 12) -> list[dict[str, Any]]:
    """Entities over tokens of one character each, with a space between."""
    found, at = [], 0
    while at < tokens:
        long = draw(st.integers(1, 3))
        if draw(st.booleans()) and at + long <= tokens:
            found.append((2 * at, 2 * (at + long) - 1, draw(st.sampled_from(CLASSES))))
        at += long
    return label_of(*found)


# -- scores --------------------------------------------------------------------------------


def test_an_entity_counts_where_its_class_and_both_its_ends_are_right() -> None:
    true = [label_of((0, 4, "PER"), (9, 14, "LOC")), label_of((3, 5, "ORG")), [], label_of()]
    answers = [
        label_of((0, 4, "PER"), (9, 13, "LOC")),  # an end too soon
        label_of((3, 5, "PER")),  # of another class
        label_of((1, 2, "LOC")),  # of nothing
        label_of(),
    ]
    counts = counted(KIND.tensor(answers).numpy(), KIND.tensor(true).numpy())
    assert counts.tolist() == [[1, 1, 1], [0, 1, 1], [0, 1, 0], [0, 0, 0]]
    assert KIND.compared(true, answers).sum(axis=1).tolist() == counts.tolist()
    arrays = KIND.tensor(answers).numpy(), KIND.tensor(true).numpy()
    values = {name: metric(*arrays, SPEC) for name, metric in KIND.metrics.items()}
    assert [*values.values()] == pytest.approx([2 / 7, 1 / 4, 1 / 3, 1 / 4])  # of 1, 3 and 2
    assert [*values] == ["entity_f1", "entity_precision", "entity_recall", "exact_match"]


@given(st.lists(st.tuples(labels(), labels()), min_size=1, max_size=6))
def test_what_is_counted_is_what_sets_of_entities_share(pairs: list[Any]) -> None:
    true, answers = (list(some) for some in zip(*pairs, strict=True))
    counts = counted(KIND.tensor(answers).numpy(), KIND.tensor(true).numpy())
    for row, (own, other) in enumerate(pairs):
        mine, theirs = ({tuple(sorted(e.items())) for e in some} for some in (own, other))
        assert counts[row].tolist() == [
            len(mine & theirs), len(theirs - mine), len(mine - theirs)
        ]  # fmt: skip


def test_no_entity_anywhere_is_a_score_of_nothing_and_an_exact_match() -> None:
    none = KIND.tensor([[], []]).numpy()
    assert KIND.metrics["entity_f1"](none, none, SPEC) == 0.0
    assert KIND.metrics["exact_match"](none, none, SPEC) == 1.0


# -- tags ----------------------------------------------------------------------------------


def graph() -> EntityGraph:
    return EntityGraph(nn.Identity(), nn.Identity(), SPEC)


def outputs_of(tags: list[list[int]], spans: list[list[tuple[int, int]]]) -> torch.Tensor:
    """What a network would put out that is sure of these tags."""
    found = torch.zeros(len(tags), 1 + 2 * len(CLASSES) + 2, max(map(len, tags)))
    for row, (own, places) in enumerate(zip(tags, spans, strict=True)):
        for column, (tag, (start, end)) in enumerate(zip(own, places, strict=True)):
            found[row, tag, column] = 20.0
            found[row, -2:, column] = torch.tensor([start, end], dtype=torch.float32)
    return found


PLACES = [(2 * n, 2 * n + 1) for n in range(12)]


@given(st.lists(labels(), min_size=1, max_size=4))
def test_tags_of_entities_become_these_entities(some: list[Any]) -> None:
    made = graph()
    starts, ends = (torch.tensor([[p[n] for p in PLACES]] * len(some)) for n in (0, 1))
    tags = made._tags(starts, ends, KIND.tensor(some))
    outputs = outputs_of(tags.tolist(), [PLACES] * len(some))
    for rows, label in zip(made.answers(outputs).numpy(), some, strict=True):
        assert KIND.label(rows[rows[:, 0] >= 0]) == label
    assert float(made.loss(outputs, KIND.tensor(some))) < 1e-6
    more = made.probabilities(outputs).sum().item()
    assert more == pytest.approx(sum(map(len, some)), abs=1e-3)  # expected number of entities


@settings(max_examples=200)
@given(st.lists(st.integers(0, 2 * len(CLASSES)), min_size=1, max_size=12))
def test_any_tags_become_the_entities_that_seqeval_takes_them_for(tags: list[int]) -> None:
    """By the rule of conlleval, written down anew: see `get_entities` of seqeval's default mode."""
    names = ["O", *(f"B-{c}" for c in CLASSES), *(f"I-{c}" for c in CLASSES)]
    expected: list[list[Any]] = []
    before = "O"
    for number, tag in enumerate(names[t] for t in tags):
        if tag != "O":
            if tag[0] == "B" or before[2:] != tag[2:]:
                expected.append([tag[2:], number, number])
            expected[-1][2] = number
        before = tag
    rows = graph().answers(outputs_of([tags], [PLACES[: len(tags)]])).numpy()[0]
    found = [(CLASSES[c], start // 2, (end - 1) // 2) for c, start, end in rows if c >= 0]
    assert found == [tuple(one) for one in expected]
    KIND.check(KIND.label(rows[rows[:, 0] >= 0]))


def test_a_token_is_of_an_entity_that_it_shares_a_character_with() -> None:
    starts, ends = torch.tensor([[0, 5, 0]]), torch.tensor([[4, 9, 0]])  # the last is not a token
    tags = graph()._tags(starts, ends, KIND.tensor([label_of((1, 7, "LOC"))]))
    assert tags.tolist() == [[2, 5, 0]]
    apart = graph()._tags(starts, ends, KIND.tensor([label_of((0, 4, "LOC"), (5, 9, "LOC"))]))
    assert apart.tolist() == [[2, 2, 0]]


def test_what_is_no_token_counts_nowhere() -> None:
    tags, places = [[1, 4, 0], [0]], [PLACES[:3], PLACES[:1]]
    short, made = outputs_of(tags, places), graph()
    long = nn.functional.pad(short, (0, 5))
    long[:, 3, 3:] = 9.0  # whatever stands there
    targets = KIND.tensor([label_of((0, 3, "PER")), []])
    for what in ("losses", "probabilities"):
        args = (targets,) if what == "losses" else ()
        assert torch.allclose(*(getattr(made, what)(o, *args) for o in (short, long)))
    one, two = (made.answers(o) for o in (short, long))
    assert (one == two[:, :3]).all()
    assert (two[:, 3:] == -1).all()
    assert made.field(long, None).weights.sum() == 4  # type: ignore[union-attr]


def test_tokens_count_by_the_class_of_their_entity_where_classes_are_weighed() -> None:
    outputs = 0.3 * outputs_of([[1, 4, 0]], [PLACES[:3]])
    outputs[:, -2:] /= 0.3
    true = KIND.tensor([label_of((0, 3, "PER"), (4, 7, "LOC"))])
    made = graph()
    each = -outputs[0, :-2].log_softmax(dim=0)
    tags = made._tags(outputs[:, -2].long(), outputs[:, -1].long(), true)[0]
    assert tags.tolist() == [1, 4, 2]
    made.weigh(np.array([2.0, 3.0, 1.0]))
    picked = [float(each[tag, place]) for place, tag in enumerate(tags)]
    expected = (2 * picked[0] + 2 * picked[1] + 3 * picked[2]) / 3
    assert float(made.training_loss(outputs, true)) == pytest.approx(expected)
    assert float(made.loss(outputs, true)) == pytest.approx(sum(picked) / 3)
    three = [label_of((0, 3, "PER")), label_of((0, 3, "PER"), (4, 7, "LOC")), []]
    assert KIND.balanced(three).tolist() == [0.75, 1.5, 1.0]  # of 3; none is an ORG


def test_a_temperature_divides_logits_and_leaves_places_alone() -> None:
    outputs, made = outputs_of([[1, 4, 0]], [PLACES[:3]]), graph()
    before, after = (made.scaled(t).outputs(outputs) for t in (1.0, 4.0))
    assert torch.equal(before[:, -2:], after[:, -2:])
    assert torch.equal(before[:, :-2] / 4, after[:, :-2])
    sure = [one._spans(one.outputs(outputs))[1].max() for one in (made, made.scaled(4.0))]
    assert sure[0] > sure[1]


# -- labels --------------------------------------------------------------------------------


def test_of_several_answers_the_one_that_agrees_most_counts_and_a_tie_goes_to_the_first() -> None:
    one, two = label_of((0, 4, "PER")), label_of((0, 4, "PER"), (5, 9, "LOC"))
    assert KIND.majority([two, one, one]) == one
    assert KIND.majority([one, two]) == one
    assert KIND.majority([[], one, []]) == []


def test_triples_and_other_keys_become_entities_in_their_order() -> None:
    answers = [{"start": 5, "end": 9, "label": "LOC", "text": "Rome"}, [0, 4, "PER"]]
    assert KIND.from_form(answers) == label_of((0, 4, "PER"), (5, 9, "LOC"))
    for wrong in ([[0, 4]], [{"start": 0}], [None], [{"start": None, "end": 1, "label": "PER"},
                  {"start": 1, "end": 1, "label": "PER"}]):  # fmt: skip
        with pytest.raises(LabelError, match="entities are "):
            KIND.check(KIND.from_form(wrong))


def test_names_of_classes_can_be_changed_and_new_ones_are_seen() -> None:
    label = label_of((0, 4, "PER"), (5, 9, "GPE"))
    assert KIND.unknown(label) == ["GPE"]
    assert KIND.renamed(label, {"GPE": "LOC", "PER": "PER"}.__getitem__)[1]["label"] == "LOC"
    assert KIND.brief(label) == "PER 0–4, GPE 5–9"
    assert KIND.brief([]) == "no entity"


# -- tokens --------------------------------------------------------------------------------


@given(st.text())
def test_tokens_cover_all_that_is_no_space_and_lie_apart(text: str) -> None:
    spans = tokens_of(text)
    covered = [at for start, end in spans for at in range(start, end)]
    assert covered == sorted(set(covered))
    # a sign that joins or has no width of its own may be taken for space by Python
    assert {at for at, sign in enumerate(text) if not sign.isspace()} <= {*covered}
    assert rows_of(text)[:, :2].tolist() == [list(span) for span in spans]


@given(st.text(min_size=1), st.data())
def test_entities_wherever_they_begin_come_back_from_tags(text: str, data: Any) -> None:
    spans = tokens_of(text)
    if not spans:
        return
    start = data.draw(st.sampled_from([s for s, _ in spans]))
    end = data.draw(st.sampled_from([e for _, e in spans if e > start]))
    tagged = tags_of(spans, [(start, end, "PER")])
    inside = [(s, e) for s, e, tag in tagged if tag != "O"]
    assert (inside[0][0], inside[-1][1]) == (start, end)
    assert [tag for *_, tag in tagged if tag != "O"][:2] in (["B-PER"], ["B-PER", "I-PER"])


def test_words_digits_signs_and_scripts_without_spaces_are_tokens() -> None:
    text = "Zoë's B12 😀 in 東京, 3.5%"
    words = [text[slice(*span)] for span in tokens_of(text)]
    assert words == ["Zoë", "'", "s", "B", "12", "😀", "in", "東", "京", ",", "3", ".", "5", "%"]


def test_a_longer_text_than_any_before_makes_its_batch_longer() -> None:
    rows = [rows_of(text) for text in ("one", "two words")]
    assert together(rows, 1).shape == (2, 2, 10)
    assert together(rows, 4).shape == (2, 4, 10)
    assert np.array_equal(together(rows, 4)[:, :2], together(rows, 1))
