"""What a kind of problem says where a configuration and a task say nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from al.config import Config
from al.errors import ConfigError, UnknownName
from al.pipeline.identifying import begun_with, name_of, task_and_data
from tests.conftest import SMALL
from tests.kinds import KINDS, Numbers
from tests.stores import runs

Make = Callable[..., Any]
TINY: dict[str, Any] = {
    "validation_size": 15, "initial_size": 15, "query_size": 6, "passes": 3, "lr": 0.01,
}  # fmt: skip


class Plain(Numbers):
    """How bright an image is, by no metric of its own."""

    metric = ""


PLAIN = "tests.test_defaults:Plain"


@pytest.mark.parametrize(
    ("kind", "strategy"),
    [("class", "auto"), ("labels", "entropy"), ("mask", "entropy"), ("boxes", "entropy"),
     ("number", "igs")],
)  # fmt: skip
def test_an_automatic_name_says_the_strategy_of_the_kind(kind: str, strategy: str) -> None:
    task = f"tests.kinds:{KINDS[kind].__name__}"
    name = name_of({"task": task})
    assert name == name_of({"task": task, "strategy": strategy})
    assert f"-{strategy}-seed0" in name


@pytest.mark.parametrize(
    ("kind", "first"), [("class", "typiclust"), ("labels", "random"), ("number", "random")]
)
def test_a_first_query_that_nobody_chose_is_of_typical_samples_where_labels_are_classes(
    kind: str, first: str
) -> None:
    task = f"tests.kinds:{KINDS[kind].__name__}"
    for given, kept in (({}, first), ({"cold_start": "k_center"}, "k_center")):
        config = Config.from_dict({"task": task, **given})
        begun = begun_with(config, *task_and_data(config), telling=False)
        assert begun.cold_start == kept


def test_a_campaign_without_strategy_and_metric_runs_with_those_of_its_kind(
    campaign: Make, client: Any
) -> None:
    made = campaign(task=PLAIN, strategy="default", **TINY)
    result = made.run()
    assert (result.strategy, result.metric) == ("igs", "rmse")
    assert (
        result.campaign == made.name == name_of({"task": PLAIN, "strategy": "igs", **SMALL, **TINY})
    )
    (run,) = runs(client, role="campaign", campaign=made.name)
    assert run.data.params["strategy"] == "igs"
    # with the name of the strategy it is the same campaign, and so is it without
    assert campaign(task=PLAIN, strategy="igs", **TINY).run().curve.equals(result.curve)
    assert len(runs(client, role="campaign")) == 1


@pytest.mark.slow
def test_a_campaign_that_has_a_name_goes_on_with_default_as_with_what_it_stands_for(
    campaign: Make, client: Any
) -> None:
    given = {"task": PLAIN, "campaign": "c", **TINY}
    first = campaign(strategy="igs", **given).run()
    again = campaign(strategy="default", **given).run()
    assert again.curve.equals(first.curve)
    # where it is given it is meant: it holds from the next cycle on
    other = campaign(**{**given, "campaign": "d"}, strategy="variance").run()
    changed = campaign(**{**given, "campaign": "d"}, strategy="default").run()
    assert (other.strategy, changed.strategy) == ("variance", "igs")
    assert changed.curve.equals(other.curve)


def test_a_campaign_that_is_not_there_is_one_line_with_and_without_a_name(campaign: Make) -> None:
    for given in ({"campaign": "c"}, {}):
        with pytest.raises(ConfigError, match=r"there is no campaign '(c|digits-auto-seed0.*)'"):
            campaign(strategy="default", **given).history()


def test_a_stored_campaign_of_a_kind_that_is_not_there_is_one_line(
    campaign: Make, client: Any
) -> None:
    given = {"task": PLAIN, "campaign": "c", **TINY, "cycles": 1}
    campaign(**given).run()
    (run,) = runs(client, role="campaign", campaign="c")
    path = Path(client.download_artifacts(run.info.run_id, "campaign.json"))
    path.write_text(path.read_text().replace('"number"', '"numbr"'))
    client.log_artifact(run.info.run_id, str(path))
    for more in ({}, {"strategy": "default"}):
        with pytest.raises(UnknownName, match="unknown kind 'numbr': did you mean 'number'"):
            campaign(**given, **more).run()
