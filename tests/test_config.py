from __future__ import annotations

import dataclasses
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from al.config import CHOICES, Config
from al.errors import ConfigError, UnknownName

FIXED = [
    p.name
    for p in dataclasses.fields(Config)
    if not (p.metadata["free"] or p.metadata["later"]) and p.name not in ("campaign", "model")
]
LATER = [p.name for p in dataclasses.fields(Config) if p.metadata["later"]]


def test_values_given_as_texts_become_typed() -> None:
    config = Config(cycles="7", lr="1e-2")  # type: ignore[arg-type]
    assert (config.cycles, config.lr) == (7, 0.01)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("query_size", 0),
        ("query_size", -3),
        ("query_size", "many"),
        ("query_size", 2.5),
        ("query_size", True),
        ("seed", -1),
        ("lr", 0),
        ("lr", "nan"),
        ("lr", "inf"),
        ("kpi", "high"),
        ("kpi", "nan"),
        ("promote", "sometimes"),
        ("campaign", "a/b"),
        ("campaign", ""),
        ("model", "models:/x"),
    ],
)
def test_a_value_out_of_range_is_one_line_that_names_the_parameter(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=name) as caught:
        Config.from_dict({name: value})
    assert "\n" not in str(caught.value)


@given(st.sampled_from([p.name for p in dataclasses.fields(Config)]), st.text(max_size=20))
def test_any_text_is_a_value_or_a_clear_error(name: str, text: str) -> None:
    with suppress(ConfigError):
        assert isinstance(Config.from_dict({name: text}), Config)


def test_an_unknown_parameter_names_the_nearest() -> None:
    with pytest.raises(UnknownName, match="did you mean 'query_size'"):
        Config.from_dict({"query_sizes": 3})


def test_the_same_parameters_give_the_same_name_and_others_another() -> None:
    plain = Config(strategy="margin")
    assert plain.name == plain.replace(cycles=99, device="cpu").name == "digits-margin-seed0"
    names = {plain.replace(**{name: value}).name for name, value in _other_values().items()}
    assert len(names) == len(_other_values())


def test_an_automatic_name_waits_for_the_strategy_that_default_stands_for() -> None:
    with pytest.raises(ConfigError, match="name a strategy, or the campaign"):
        Config().name  # noqa: B018
    assert Config(campaign="c").name == "c"


def test_two_chains_have_two_names() -> None:
    texts = ['sql("SELECT a < 1") > margin', 'sql("SELECT a > 1") > margin', "margin(10x) > badge"]
    names = {Config(strategy=text).name for text in texts}
    assert len(names) == 3


def test_a_campaign_is_named_after_the_last_part_of_where_its_data_lies() -> None:
    names = {
        Config(task="table", strategy="margin", data=path).name
        for path in ("/a/b/rows.csv", "rows.csv", "../rows.csv")
    }
    assert names == {"table-rows.csv-margin-seed0"}
    long = Config(task="table", strategy="margin", data="/x" * 400 + "/" + "y" * 300 + ".csv").name
    assert len(long) <= 120


def test_data_may_lie_elsewhere_when_a_campaign_goes_on_and_its_columns_stay() -> None:
    config = Config(campaign="c", task="table", data="/here/rows.csv", target="price")
    assert config.resumed_with({"data": "/there/rows.csv"}).data == "/there/rows.csv"
    assert config.resumed_with({}).data == "/here/rows.csv"
    with pytest.raises(ConfigError, match="target=price, not cost"):
        config.resumed_with({"target": "cost"})


def test_a_task_gets_the_parameters_that_were_given() -> None:
    assert Config().of_task == {}
    config = Config(data="x", image_size="32", cycles=3)  # type: ignore[arg-type]
    assert config.of_task == {"data": "x", "image_size": 32}


def test_a_long_automatic_name_stays_distinct_and_short() -> None:
    names = {Config(task="m:" + "x" * 150, strategy="margin", seed=seed).name for seed in (1, 2)}
    assert len(names) == 2
    assert all(len(name) <= 120 for name in names)


@pytest.mark.parametrize("name", LATER)
def test_what_keeps_figures_comparable_may_change_where_the_campaign_is_named(name: str) -> None:
    config, other = Config(campaign="c"), _other_values()[name]
    changed = config.resumed_with({"campaign": "c", name: other})
    assert config.changes_of(changed) == {name: getattr(changed, name)}
    assert changed.changes_of(config) == {name: getattr(config, name)}
    with pytest.raises(ConfigError, match=f"or change it by campaign=c and {name}="):
        config.resumed_with({name: other})
    unnamed = Config(**{"strategy": "margin", "seed": 1, name: other})  # type: ignore[arg-type]
    assert unnamed.name != Config(strategy="margin", seed=1).name


@pytest.mark.parametrize("name", FIXED)
def test_a_campaign_refuses_another_value_of_what_it_was_started_with(name: str) -> None:
    with pytest.raises(ConfigError, match=name):
        Config(campaign="c").resumed_with({"campaign": "c", name: _other_values()[name]})


def test_a_campaign_takes_more_cycles_another_device_and_another_baseline() -> None:
    config = Config(campaign="c").resumed_with({"cycles": 20, "device": "cpu", "baseline": "none"})
    assert (config.cycles, config.device, config.baseline) == (20, "cpu", "none")


def test_a_campaign_refuses_another_model_name() -> None:
    with pytest.raises(ConfigError, match="keeps its models under"):
        Config(campaign="c", model="m").resumed_with({"model": "n"})


def _other_values() -> dict[str, object]:
    values: dict[str, object] = {}
    for parameter in dataclasses.fields(Config):
        name, default = parameter.name, parameter.default
        if name not in (*FIXED, *LATER):
            continue
        if name in CHOICES:
            values[name] = next(choice for choice in CHOICES[name] if choice != default)
        elif name == "kpi":
            values[name] = "0.5"
        elif isinstance(default, float):
            values[name] = default / 2 + 0.3
        else:
            values[name] = default + "x" if isinstance(default, str) else default + 1  # type: ignore[operator]
    return values
