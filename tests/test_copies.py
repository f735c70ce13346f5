"""Exact copies are asked about once, and one answer counts for all of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from al.contracts import AUDIT, Answers
from al.data_selector import distinct
from al.errors import ConfigError, StateError
from al.state import Contents, LabelTable, contradictory, with_copies
from al.strategies import ArrayView, build
from tests.stores import outcome, runs, table
from tests.test_labels import answer, query

Make = Callable[..., Any]


def copies_of(labels: LabelTable) -> dict[str, str]:
    rows = labels.frame[labels.frame["copy_of"] != ""]
    return dict(zip(rows["id"], rows["copy_of"], strict=True))


def labels_of(labels: LabelTable) -> dict[str, Any]:
    return dict(zip(labels.ids, labels.labels, strict=True))


# ------------------------------------------------------------------------- the label table

CONTENTS = {f"{content}{number}": content for content in "abc" for number in range(3)}


@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_what_a_sample_stands_as_its_copies_do_whatever_happens(data: st.DataObject) -> None:
    draw = data.draw
    labels, contents = LabelTable(), dict(CONTENTS)
    answers: dict[str, str] = {}  # by content
    for cycle in range(1, draw(st.integers(1, 3)) + 1):
        free = distinct([id for id in sorted(contents) if id not in labels.asked], contents)
        asked = draw(st.permutations(free))[: draw(st.integers(0, len(free)))]
        due = [*asked, *labels.waiting["id"]]
        back = {id: draw(st.sampled_from(["x", "y", "skip", "wait"])) for id in due}
        came = Answers(
            tuple(answer(id, label) for id, label in back.items() if label in "xy"),
            tuple(id for id, label in back.items() if label == "skip"),
        )
        labels = labels.with_answers(came, query(*asked), cycle)
        answers |= {CONTENTS[id]: label for id, label in back.items() if label != "wait"}
        known = list(labels.collected)
        changed = {id: "z" for id in known if draw(st.booleans())}
        labels = labels.with_corrections([answer(id, "z") for id in changed], cycle)
        answers |= {CONTENTS[id]: "z" for id in changed}
        labels = with_copies(labels, contents)

        own = labels.originals
        assert with_copies(labels, contents).frame.equals(labels.frame)
        assert with_copies(own, contents).frame.equals(labels.frame)
        assert labels.frame["id"].tolist()[: len(own)] == own.frame["id"].tolist()
        assert len({CONTENTS[id] for id in own.asked}) == len(own.asked)  # a content once
        assert labels.asked == {
            id for id in contents if contents[id] in map(CONTENTS.get, own.asked)
        }
        heard = {id: answers.get(content, "skip") for id, content in contents.items()}
        assert labels_of(labels) == {id: label for id, label in heard.items() if label != "skip"}
        assert labels.paid == own.paid == len(own.ids)
        assert not {*labels.collected, *labels.waiting["id"]} & copies_of(labels).keys()
        assert labels.seconds == own.seconds


def test_a_copy_says_whose_answer_it_has_and_was_never_asked_about() -> None:
    asked = LabelTable().with_answers(
        Answers((answer("a1", "cat", seconds=3.0),)), query("b0", "a1"), 2
    )
    labels = with_copies(asked, CONTENTS)
    assert copies_of(labels) == {"a0": "a1", "a2": "a1", "b1": "b0", "b2": "b0"}
    rows = labels.frame.set_index("id")
    assert rows.loc["a0", ["status", "label", "annotator", "cycle", "collected"]].tolist() == [
        "answered", '"cat"', "anna", 2, 2,
    ]  # fmt: skip
    assert rows.loc["a0", ["strategy", "votes", "before"]].tolist() == ["copy", "", ""]
    assert rows.loc["a0", ["seconds", "score", "propensity"]].isna().all()
    assert rows.loc["b1", "status"] == "waiting"
    assert list(labels.waiting["id"]) == ["b0"]


def test_a_copy_of_what_has_vanished_keeps_its_answer_and_one_that_appears_has_it_at_once() -> None:
    asked = LabelTable().with_answers(Answers((answer("a1", "cat"),)), query("a1", "b0"), 1)
    labels = with_copies(asked, CONTENTS)
    left = {id: content for id, content in CONTENTS.items() if id not in ("a1", "a2", "b0")}
    after = with_copies(labels, left | {"a9": "a"})
    assert copies_of(after) == {"a0": "a1", "a2": "a1", "a9": "a1"}  # b0 waits for nobody
    assert labels_of(after) == dict.fromkeys(["a1", "a0", "a2", "a9"], "cat")
    corrected = with_copies(after.with_corrections([answer("a1", "dog")], 2), left)
    assert labels_of(corrected)["a0"] == "dog"


def test_given_labels_that_contradict_each_other_count_for_no_copy_and_are_reported() -> None:
    given_ = LabelTable().with_given({"a0": "cat", "a1": "dog", "b0": "cat", "b1": "cat"})
    labels = with_copies(given_, CONTENTS)
    assert copies_of(labels) == {"b2": "b0"}
    assert contradictory(labels, CONTENTS) == [["a0", "a1"]]
    answered = labels.with_answers(Answers((answer("a2", "cat"),)), query("a2"), 1)
    assert copies_of(with_copies(answered, CONTENTS | {"a3": "a"})) == {"b2": "b0", "a3": "a2"}


def test_a_label_of_its_own_takes_the_place_of_what_a_copy_had() -> None:
    asked = LabelTable().with_answers(Answers((answer("a0", "cat"),)), query("a0"), 1)
    labels = with_copies(asked, CONTENTS).with_given({"a2": "dog"})
    assert labels_of(with_copies(labels, CONTENTS)) == {"a0": "cat", "a1": "cat", "a2": "dog"}
    given_ = LabelTable().with_given({"a2": "dog"})  # an answer counts before it, whenever it came
    both = given_.with_answers(Answers((answer("a0", "cat"),)), query("a0"), 1)
    assert labels_of(with_copies(both, CONTENTS)) == {"a2": "dog", "a0": "cat", "a1": "cat"}


def test_tables_from_before_there_were_copies_are_read_and_damaged_ones_are_reported(
    tmp_path: Path,
) -> None:
    labels = with_copies(LabelTable().with_answers(Answers(), query("a0"), 1), CONTENTS)
    labels.save(tmp_path / "labels.parquet")
    assert LabelTable.load(tmp_path / "labels.parquet").frame.equals(labels.frame)
    labels.originals.frame.drop(columns="copy_of").to_parquet(tmp_path / "old.parquet")
    assert LabelTable.load(tmp_path / "old.parquet").frame.equals(labels.originals.frame)
    labels.frame[1:].to_parquet(tmp_path / "cut.parquet")
    with pytest.raises(StateError, match="a copy of nothing"):
        LabelTable.load(tmp_path / "cut.parquet")


# ------------------------------------------------------------------------ the Data Selector


@pytest.mark.parametrize("name", ["margin", "k_center", "typiclust", "random", "uherding"])
def test_whatever_the_strategy_a_query_of_30_buys_30_contents_of_40_in_four_copies(
    name: str,
) -> None:
    rng = np.random.default_rng(0)
    content = rng.permutation(np.repeat(np.arange(40), 4))
    points = rng.normal(size=(40, 5))[content]
    p = rng.dirichlet(np.ones(3), 40)[content]
    over = ArrayView(embeddings=points, probabilities=p)
    whole = build(name)(over, 30, np.random.default_rng(1)).positions
    assert name != "margin" or len({*content[whole]}) < 10  # what it would buy otherwise
    contents = dict(zip(over.ids, map(str, content), strict=True))
    first = [over.ids.index(id) for id in distinct(over.ids, contents)]
    assert len(first) == 40
    picks = build(name)(over.narrow(np.array(first)), 30, np.random.default_rng(1)).positions
    assert len({*content[np.array(first)[picks]]}) == 30


# --------------------------------------------------------------------------------- campaigns

TASK = '''
import json
from pathlib import Path
import numpy as np
from torch import nn
from al.contracts import Annotator, Answer, Answers, Task
from al.data import ArrayLoader
from al.graphs import ClassificationGraph
from al.strategies import build


def seeing(view, query_size, rng):
    """Margin, which notes how much it sees."""
    Path("seen.json").write_text(json.dumps([len(view.ids), len(view.labelled.ids)]))
    return build("margin")(view, query_size, rng)


class Copies(ArrayLoader):
    """40 contents four times each, and 30 test samples."""

    def __init__(self):
        self.refresh()

    def refresh(self):
        rng = np.random.default_rng(0)
        x = rng.normal(size=(70, 4)).astype(np.float32)
        ids = [f"c{row:02d}-{copy}" for row in range(40) for copy in range(4)]
        for copy in (4, 5):
            if Path(f"more{copy}").exists():
                ids += [f"c{row:02d}-{copy}" for row in range(40)]
        rows = [int(id[1:3]) for id in ids] + list(range(40, 70))
        test = [f"test{row}" for row in range(30)]
        super().__init__(ids + test, x[rows], (x[rows, 0] > 0).astype(int), ["a", "b"], test)


class Rows(Task):
    metric = "accuracy"

    def data(self):
        return Copies()

    def graph(self, spec):
        return ClassificationGraph(nn.Linear(4, 4), nn.Linear(4, 2), spec)


class Desk(Annotator):
    """Answers what stands in a file."""

    def request(self, query):
        Path("asked.json").write_text(json.dumps(query.ids))

    def _answers(self):
        return json.loads(Path("answers.json").read_text()) if Path("answers.json").exists() else {}

    def collect(self, query):
        given = self._answers()
        there = [id for id in query.ids if id in given]
        return Answers(tuple(Answer(id, given[id], "anna", "now", 2.0) for id in there),
                       waiting=tuple(id for id in query.ids if id not in given))

    def revised(self, labels):
        given = self._answers()
        return tuple(Answer(id, given[id], "anna", "later") for id, label in labels.items()
                     if id in given and given[id] != label)
'''
PARAMETERS: dict[str, Any] = {
    "campaign": "c", "task": "my_code:Rows", "cycles": 2, "epochs": 2, "initial_size": 20,
    "query_size": 10, "validation_size": 4, "strategy": "margin", "kpi": "0.999", "audit": 0.3,
}  # fmt: skip


@pytest.fixture
def mine(folder: Path, campaign: Make) -> Make:
    (folder / "my_code.py").write_text(TASK)
    return lambda **more: campaign(**{**PARAMETERS, **more})


def kept(client: Any, cycle: int, campaign: str = "c") -> pd.DataFrame:
    (run,) = runs(client, role="cycle", cycle=str(cycle), campaign=campaign)
    return table(client, run, "state/labels.parquet")


def test_a_campaign_buys_each_content_once_and_learns_from_all_its_copies(
    mine: Make, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    mine(strategy="my_code:seeing").run()
    assert json.loads(Path("seen.json").read_text()) == [17, 20]
    # … of the 20 contents that are left less the audit slice, and 20 answers
    assert "116 of 156 training samples are exact copies" in caplog.text
    assert "4 of 4 validation samples are exact copies of training samples" in caplog.text
    assert "test samples are exact copies" not in caplog.text
    queries = [table(client, r, "query.parquet") for r in runs(client, step="select-data")]
    bought = [id[:3] for query in queries for id in query["id"]]
    assert [len(query) for query in queries] == [20, 10]
    assert len({*bought}) == 30

    labels = kept(client, 2)
    own, copies = labels[labels["copy_of"] == ""], labels[labels["copy_of"] != ""]
    assert own["id"].tolist() == [id for query in queries for id in query["id"]]
    assert (copies["id"].str[:3] == copies["copy_of"].str[:3]).all()
    truth = labels.groupby(labels["id"].str[:3])["label"].nunique()
    assert (truth == 1).all()
    there = Counter(id[:3] for id in table(client, runs(client, step="select-data")[0],
                                           "train_ids.parquet")["id"])  # fmt: skip
    assert Counter(labels["id"].str[:3]) == {content: there[content] for content in bought}

    # What is paid for is counted once.
    (run,) = runs(client, role="campaign")
    curve = client.get_metric_history(run.info.run_id, "test/accuracy")
    assert [point.step for point in curve] == [20, 30]
    last = runs(client, role="cycle")[-1].data.metrics
    assert (last["cycle/labels"], last["cycle/copies"]) == (30, len(copies))
    train = runs(client, step="train")[-1]
    assert (train.data.params["labels"], train.data.params["copies"]) == ("30", str(len(copies)))
    datasets = client.get_run(train.info.run_id).inputs.dataset_inputs
    assert {json.loads(d.dataset.profile)["num_rows"] for d in datasets} >= {30 + len(copies)}

    # The audit slice is drawn among contents: 3 of the 20 that were left.
    audit = queries[1][queries[1]["strategy"] == AUDIT]
    assert audit["propensity"].tolist() == [3 / 20] * 3
    (compare,) = [r for r in runs(client, step="compare") if r.data.tags["al.cycle"] == "2"]
    verdict = json.loads(
        Path(client.download_artifacts(compare.info.run_id, "verdict.json")).read_text()
    )
    assert verdict["samples"] == len(audit)
    assert round(10 * verdict["plain"], 6).is_integer()  # a share of the 10 answers


@pytest.mark.slow
def test_stopped_after_each_step_and_gone_on_with_it_comes_to_the_same(
    mine: Make, client: Any
) -> None:
    mine().run()
    for number in (1, 2):
        for step in ("select-data", "annotate", "compare", "train", "select-model"):
            mine(campaign="d").step(step)
            if step == "annotate":  # what leaves an open cycle has its copies with it
                assert len(mine(campaign="d").labels()) > 2 * (10 + 10 * number)
    whole, steps = outcome(client, "c"), outcome(client, "d")
    for found in (whole, steps):
        for key in ("labels", ("2", "select-data", None)):
            del found[key]["model"]  # it has the campaign's name
    for key in ("curve", "labels", ("2", "select-data", None), ("2", "train", "0")):
        assert steps[key] == whole[key]


def test_late_answers_corrections_and_samples_that_appear_reach_the_copies(
    mine: Make, client: Any, folder: Path
) -> None:
    people = {"annotator": "my_code:Desk", "quorum": 0.5, "folds": 0, "query_size": 5}
    mine(**people).run()
    asked = json.loads(Path("asked.json").read_text())
    answers = dict.fromkeys(asked[:12], "a") | dict.fromkeys(asked[10:12], "b")
    Path("answers.json").write_text(json.dumps(answers))
    mine(**people).run()
    first = kept(client, 1)
    of = first[first["copy_of"] == asked[15]]
    assert len(of) >= 2
    assert set(of["status"]) == {"waiting"}

    second = json.loads(Path("asked.json").read_text())
    assert len({id[:3] for id in [*asked, *second]}) == 25
    answers |= dict.fromkeys([*second, asked[15]], "b") | {asked[0]: "b"}
    Path("answers.json").write_text(json.dumps(answers))
    Path("more4").touch()
    mine(**people).run()
    labels = kept(client, 2)
    for id, label in ((asked[15], "b"), (asked[0], "b"), (asked[1], "a")):
        same = labels[labels["id"].str[:3] == id[:3]]
        assert set(same["label"]) == {json.dumps(label)}
        assert f"{id[:3]}-4" in set(same["id"])  # it came after the answer
    assert client.get_run(runs(client, role="cycle")[1].info.run_id).data.metrics[
        "cycle/annotation_seconds"
    ] == 2.0 * len(answers)

    desk = mine(**people)  # what leaves a campaign has a row for each copy as well
    leaving = desk.labels().set_index("id")
    assert leaving.loc[f"{asked[0][:3]}-4", ["copy_of", "label"]].tolist() == [asked[0], '"b"']

    Path("more5").touch()  # between two cycles
    mine(**people, cycles=3).run()
    third = json.loads(Path("asked.json").read_text())
    assert len({id[:3] for id in [*asked, *second, *third]}) == 30


def test_what_another_campaign_bought_counts_once_where_copies_do(mine: Make, client: Any) -> None:
    mine(cycles=1).run()
    mine(campaign="d", cycles=1, initial_size=10, labels_from="c").run()
    labels = kept(client, 1, campaign="d")
    own = labels[labels["copy_of"] == ""]
    assert Counter(own["strategy"]) == {"given": 20, "typiclust": 10}
    assert own["id"].str[:3].is_unique
    assert len(labels) > 2 * len(own)


def test_keep_asks_about_every_sample(mine: Make, client: Any) -> None:
    mine(copies="keep", cycles=1, initial_size=60).run()
    labels = kept(client, 1)
    assert len(labels) == 60
    assert (labels["copy_of"] == "").all()


def test_a_query_of_more_than_there_are_contents_is_refused(mine: Make) -> None:
    with pytest.raises(ConfigError, match="initial_size=60 is more than the pool of 40"):
        mine(initial_size=60).run()


def test_a_campaign_that_began_before_copies_were_told_apart_goes_on_as_it_was(
    mine: Make, client: Any
) -> None:
    mine(copies="keep", cycles=1).run()
    (run,) = runs(client, role="campaign")
    path = Path(client.download_artifacts(run.info.run_id, "campaign.json"))
    record = json.loads(path.read_text())
    del record["config"]["copies"]
    path.write_text(json.dumps(record))
    client.log_artifact(run.info.run_id, str(path))
    mine(copies="once", cycles=2).run()  # as mlflow run gives it, which gives all defaults
    labels = kept(client, 2)
    assert len(labels) == 30
    assert (labels["copy_of"] == "").all()


class Everything(Contents):
    """Contents whose samples all may be copies, so that each of them is looked at."""

    @property
    def shared(self) -> dict[str, list[str]]:  # type: ignore[override]
        found: dict[str, list[str]] = {}
        for id, mark in self.items():
            found.setdefault(mark, []).append(id)
        return found


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_copies_are_those_that_a_look_at_every_sample_finds(data: st.DataObject) -> None:
    draw, labels = data.draw, LabelTable()
    for cycle in (1, 2, 3):  # samples come and go
        there = sorted(draw(st.lists(st.sampled_from([*CONTENTS]), unique=True)))
        contents = {id: CONTENTS[id] for id in there}
        slow = Everything(there, [CONTENTS[id] for id in there])
        free = distinct([id for id in there if id not in labels.asked], contents)
        asked = [id for id in free if draw(st.booleans())]
        came = Answers(tuple(answer(id, "cat") for id in asked if draw(st.booleans())), ())
        labels = labels.with_answers(came, query(*asked), cycle)
        found = with_copies(labels, contents)
        assert found.frame.equals(with_copies(labels, slow).frame)
        assert distinct(there, Contents.of(contents)) == distinct(there, contents)
        several = {mark: ids for mark, ids in slow.shared.items() if len(ids) > 1}
        assert Contents.of(contents).shared == several
        labels = found
