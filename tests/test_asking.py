from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from threading import Timer
from typing import Any

import pandas as pd
import pytest

from al.catalog import tasks
from al.config import Config
from al.contracts import AUDITS, Answer, Answers, Query, Splits
from al.errors import ConfigError, UnknownName
from al.pipeline.asking import options_of, outlook
from al.state import LabelTable, State
from tests.conftest import SMALL
from tests.stores import held, runs, table
from tests.test_resume import Sweep
from tests.test_watch import DESK

Make = Callable[..., Any]
KNOWN = {"folder": "where", "separator": "between classes"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("none", {}),
        ("", {}),
        ("folder=/a b/c", {"folder": "/a b/c"}),
        ("folder=a,separator=,", {"folder": "a", "separator": ","}),
        ("separator=|, folder=a=b, c", {"separator": "|", "folder": "a=b, c"}),
    ],
)
def test_options_are_names_and_values(text: str, expected: dict[str, str]) -> None:
    assert options_of(Config(annotator_options=text), KNOWN) == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("foldr=x", "annotator 'oracle' has no option 'foldr': did you mean 'folder'"),
        ("folder", "give name=value, name=value"),
        ("=x", "give name=value, name=value"),
        ("folder=a, folder=b", "gives 'folder' twice"),
    ],
)
def test_options_that_the_annotator_cannot_know_are_refused(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        options_of(Config(annotator_options=text), KNOWN)


def test_options_reach_the_annotator_and_a_wrong_one_changes_nothing(
    campaign: Make, client: Any, folder: Path
) -> None:
    (folder / "my_code.py").write_text(
        "from al.annotators.oracle import Oracle\n"
        "class Mine(Oracle):\n"
        "    options = {'colour': 'of the desk'}\n"
        "    def request(self, query): open('colour.txt', 'w').write(self.given['colour'])\n"
    )
    mine = {"campaign": "c", "annotator": "my_code:Mine", "cycles": 1}
    with pytest.raises(UnknownName, match="did you mean 'colour'"):
        campaign(**mine, annotator_options="color=red").run()
    assert not client.search_runs([e.experiment_id for e in client.search_experiments()])
    campaign(**mine, annotator_options="colour=red").run()
    assert (folder / "colour.txt").read_text() == "red"


PERSON = {"campaign": "c", "annotator": "benchmarks.people:Person", "epochs": 2}


def labels_after(client: Any, cycle: int) -> Any:
    (run,) = runs(client, role="cycle", cycle=str(cycle))
    return table(client, run, "state/labels.parquet").set_index("id")


def counts_of(client: Any, cycle: int) -> dict[str, float]:
    (run,) = runs(client, step="annotate", cycle=str(cycle))
    return {k.removeprefix("answers/"): v for k, v in run.data.metrics.items()}


def test_a_cycle_goes_on_at_its_quorum_and_what_is_late_joins_the_next(
    campaign: Make, client: Any
) -> None:
    late = {**PERSON, "annotator_options": "late=0.2, skips=0.1", "strategy": "random"}
    campaign(**late, cycles=2, quorum=0.6).run()
    first, second = labels_after(client, 1), labels_after(client, 2)
    waited = first.index[first["status"] == "waiting"]
    assert 0 < len(waited) < 12
    assert counts_of(client, 1)["waiting"] == len(waited)
    assert set(second.index) > set(first.index)
    assert len(second) == 40
    came = second.loc[waited]
    assert set(came["status"]) <= {"answered", "skipped"}
    assert (came["cycle"] == 1).all()
    assert (came["collected"] == 2).all()
    assert (came["model"] == "none").all()
    pd.testing.assert_series_equal(came["propensity"], first.loc[waited, "propensity"])
    assert counts_of(client, 2)["late"] == (came["status"] == "answered").sum()
    for run in runs(client, step="select-data"):
        ids = set(table(client, run, "query.parquet")["id"])
        assert not ids & set(first.index) or run.data.tags["al.cycle"] == "1"
    assert runs(client, role="cycle")[-1].data.metrics["cycle/annotation_seconds"] > 0


def test_below_the_quorum_a_cycle_waits_and_after_a_time_it_goes_on(
    campaign: Make, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    person = {**PERSON, "annotator_options": "never=0.3", "cycles": 1}
    campaign(**person, quorum=0.9).run()
    message = caplog.text
    assert " of 30 answered, at a simulated desk" in message
    assert not runs(client, step="compare")
    campaign(**person, quorum=0.9, answers_within="1h").run()
    assert not runs(client, step="compare")
    time.sleep(1)
    campaign(**person, quorum=0.9, answers_within="1s").run()
    found = labels_after(client, 1)
    assert (found["status"] == "waiting").sum() == counts_of(client, 1)["waiting"] > 3
    assert " samples are still waited for" in caplog.text


def test_without_any_answer_no_cycle_goes_on(campaign: Make, client: Any) -> None:
    campaign(**PERSON, annotator_options="never=1", cycles=1, quorum=0.0, answers_within="1s").run()
    assert not runs(client, step="compare")


@pytest.mark.parametrize("audit", AUDITS)
def test_the_quorum_has_to_be_reached_on_the_audit_slice_too(audit: str) -> None:
    from types import SimpleNamespace

    query = Query(
        tuple("abcdefghij"), (0.0,) * 10, ("margin",) * 8 + (audit,) * 2, (None,) * 10, "m", "none"
    )
    session: Any = SimpleNamespace(
        config=Config(quorum=0.8),
        annotator=SimpleNamespace(where="the desk"),
        splits=Splits((), ()),
        state=State.start("c"),
    )

    def of(ids: str) -> Any:
        answers = Answers(tuple(Answer(id, "x", "anna", "") for id in ids))
        return outlook(query, answers, session, 0.0)

    assert not of("abcdefgh").go
    assert of("abcdefgh").text == "8 of 10 answered, at the desk"
    assert of("abcdefij").go
    assert of("abcdefghij").text == "all of its 10 are answered"


def test_a_label_corrected_after_training_is_recorded_and_used_from_the_next_cycle_on(
    campaign: Make, client: Any
) -> None:
    campaign(**PERSON, annotator_options="accuracy=0.6, changes=1", cycles=2).run()
    first, second = labels_after(client, 1), labels_after(client, 2)
    changed = second.index[second["before"] != ""]
    assert len(changed) == counts_of(client, 2)["corrected"] > 5
    data = tasks.get("digits")().data()
    for id in changed:
        (was,) = json.loads(second.loc[id, "before"])
        assert json.dumps(was["label"]) == first.loc[id, "label"] != second.loc[id, "label"]
        assert [json.loads(second.loc[id, "label"])] == data.truth([id])
        assert (was["annotator"], was["until_cycle"]) == ("person", 2)
    assert list(second.index[: len(first)]) == list(first.index)
    digests = [
        entry.dataset.digest
        for run in runs(client, step="train")
        for entry in client.get_run(run.info.run_id).inputs.dataset_inputs
        if entry.dataset.name == "digits"
    ]
    assert digests[1] == LabelTable(second.reset_index()).digest
    assert runs(client, role="cycle")[-1].data.metrics["cycle/corrected"] == len(changed)


def test_a_budget_counts_what_is_waited_for(
    campaign: Make, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    given = {**PERSON, "annotator_options": "never=0.2", "quorum": 0.5, "label_budget": 35}
    campaign(**given, cycles=9).run()
    assert "label_budget=35 is used up; " in caplog.text
    assert len(labels_after(client, 2)) == 35


def test_a_command_waits_for_answers_and_goes_on(
    campaign: Make, client: Any, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "my_code.py").write_text(DESK)
    desk = {**PERSON, "annotator": "my_code:Desk", "cycles": 1}
    begun = time.monotonic()
    campaign(**desk, wait="2s").run()
    assert time.monotonic() - begun >= 2
    out = caplog.text
    assert "waiting for answers, at the desk, 2s at most" in out
    assert "waiting: 0 of 30 answered, at the desk; the same command goes on" in out
    assert not held(client)
    opens = Timer(3, (folder / "open").touch)
    opens.start()
    campaign(**desk, wait="1h").run()
    assert len(labels_after(client, 1)) == 30


def test_what_a_person_can_mend_while_a_command_waits_is_reported_and_waited_for(
    campaign: Make, client: Any, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "my_code.py").write_text(
        "from pathlib import Path\n"
        "from al.annotators.oracle import Oracle\n"
        "from al.contracts import Answers\n"
        "from al.errors import LabelError\n"
        "class Mine(Oracle):\n"
        "    looks = 0\n"
        "    def collect(self, query):\n"
        "        Mine.looks += 1\n"
        "        if Mine.looks in (2, 3): raise LabelError('row 7 is bad: mend it')\n"
        "        return super().collect(query) if Mine.looks > 3 else Answers(waiting=query.ids)\n"
    )
    campaign(campaign="c", annotator="my_code:Mine", cycles=1, epochs=1, wait="1h").run()
    assert caplog.text.count("error: row 7 is bad: mend it") == 1
    assert len(labels_after(client, 1)) == 30


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"wait": "long"}, "wait='long' is not a span of time"),
        ({"answers_within": "2"}, "answers_within='2' is not a span of time"),
        ({"quorum": 1.5}, "quorum=1.5: give a share"),
    ],
)
def test_a_wrong_time_or_share_is_reported_before_anything_starts(
    campaign: Make, client: Any, given: dict[str, Any], says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        campaign(campaign="c", **given).run()
    assert not client.search_runs([e.experiment_id for e in client.search_experiments()])


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.3, 0.55, 0.75])
def test_a_campaign_of_people_killed_on_the_way_ends_as_if_it_had_not_been(
    people: Sweep, share: float
) -> None:
    assert "until_cycle" in people.expected
    people.survive(round(people.points * share))


@pytest.fixture(scope="module")
def people(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    """A campaign with late answers, corrections, second opinions, and what is left open."""
    parameters = {
        **SMALL, **PERSON, "annotator_options": "late=0.2, skips=0.1, accuracy=0.7, changes=0.5",
        "quorum": 0.6, "second_opinions": 0.2, "folds": 2, "strategy": "random", "epochs": 1,
    }  # fmt: skip
    return Sweep(empty_database, tmp_path_factory.mktemp("people"), parameters)
