from __future__ import annotations

from pathlib import Path

import pytest

from al.catalog import Catalog, annotators, criteria, kinds, strategies, tasks
from al.errors import ConfigError, UnknownName


def test_every_file_of_a_package_is_found_without_an_edit_elsewhere() -> None:
    assert {"random", "margin", "entropy", "least_confidence", "k_center"} <= set(
        strategies.names()
    )
    assert {"digits", "fashion-mnist"} <= set(tasks.names())
    assert "oracle" in annotators.names()
    assert {"max", "min"} <= set(criteria.names())
    assert kinds.names() == [
        "boxes", "class", "entities", "labels", "mask", "number", "scene",
    ]  # fmt: skip


def test_an_unknown_name_says_which_is_near() -> None:
    with pytest.raises(UnknownName, match="unknown strategy 'margn': did you mean 'margin'"):
        strategies.get("margn")


def test_a_name_far_from_all_lists_them() -> None:
    with pytest.raises(UnknownName, match="choose one of adult, banking77"):
        tasks.get("zzz")


def test_an_object_outside_the_package_is_found_by_module_and_name(folder: Path) -> None:
    (folder / "my_code.py").write_text("class Mine:\n    rate = 3\n")
    assert strategies.get("my_code:Mine.rate") == 3


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("nowhere_at_all:X", "no module named 'nowhere_at_all'"),
        ("my_code:Mint", "did you mean 'Mine'"),
    ],
)
def test_a_wrong_module_or_object_is_reported(folder: Path, name: str, says: str) -> None:
    (folder / "my_code.py").write_text("class Mine:\n    rate = 3\n")
    with pytest.raises(UnknownName, match=says):
        strategies.get(name)


def test_two_objects_cannot_claim_one_name() -> None:
    catalog = Catalog("thing", "al.strategies", "none")
    catalog.register("a")(int)
    with pytest.raises(ConfigError, match="two objects claim"):
        catalog.register("a")(str)


@pytest.mark.parametrize("catalog", [strategies, tasks, annotators, criteria, kinds])
def test_every_entry_says_in_a_line_what_it_is(catalog: Catalog) -> None:
    for name in catalog.names():
        assert 10 < len(catalog.summary(name)) < 120, name


def test_under_mlflow_run_a_module_that_is_elsewhere_names_the_fix_that_works(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("MLFLOW_RUN_ID", raising=False)
    with pytest.raises(UnknownName, match="no module named 'nosuch': run from the folder that"):
        tasks.get("nosuch.tasks:Mine")
    monkeypatch.setenv("MLFLOW_RUN_ID", "0" * 32)
    with pytest.raises(UnknownName, match=r'PYTHONPATH="\$PWD" before mlflow run in the folder'):
        tasks.get("nosuch.tasks:Mine")
