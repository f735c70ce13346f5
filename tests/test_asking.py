from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from al.config import Config
from al.errors import ConfigError, UnknownName
from al.pipeline.asking import options_of

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
