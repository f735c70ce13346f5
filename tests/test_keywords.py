"""The typed door: what `al.Campaign` takes is known before it runs."""

from __future__ import annotations

import dataclasses
import inspect
import subprocess
import sys
from pathlib import Path
from typing import get_type_hints

import pytest

import al
from al.config import NUMBER_OR_OFF, Config
from al.errors import UnknownName
from al.keywords import Keywords
from docs.tables import renewed
from tests.conftest import ROOT

SNIPPET = """
import al

al.Campaign(task="digits", query_size=3, lr=0.1, kpi=0.9, tracking_uri="sqlite:///x.db").run()
al.Campaign(query_sise=3)
al.Campaign(query_size="x")
al.Campagn()
"""


@pytest.mark.slow
def test_a_type_checker_knows_every_parameter_and_what_a_result_is(tmp_path: Path) -> None:
    (tmp_path / "snippet.py").write_text(SNIPPET)
    found = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "snippet.py",
         "--config-file=", f"--cache-dir={ROOT / '.mypy_cache' / 'snippet'}"],
        cwd=tmp_path, env={"MYPYPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    output = found.stdout
    errors = [line.split(" error: ")[1] for line in output.splitlines() if " error: " in line]
    assert len(errors) == 3, output
    assert 'Unexpected keyword argument "query_sise" for "Campaign"; did you mean' in errors[0]
    assert 'Argument "query_size" to "Campaign" has incompatible type "str"' in errors[1]
    assert 'Module has no attribute "Campagn"' in errors[2]


def test_the_keywords_are_the_parameters_of_config() -> None:
    hints = get_type_hints(Keywords)
    wanted = get_type_hints(Config)
    assert list(hints) == [p.name for p in dataclasses.fields(Config)]
    for name, hint in hints.items():
        assert hint == (str | float if name in NUMBER_OR_OFF else wanted[name]), name
    text = (ROOT / "al" / "keywords.py").read_text()
    assert renewed(text) == text, "run make docs"


def test_the_signature_shows_every_parameter_with_its_default() -> None:
    shown = inspect.signature(al.Campaign).parameters
    assert list(shown)[:2] == ["tracking_uri", "experiment"]
    for parameter in dataclasses.fields(Config):
        assert shown[parameter.name].default == parameter.default
        assert shown[parameter.name].kind is inspect.Parameter.KEYWORD_ONLY
    assert not [p for p in shown.values() if p.kind is inspect.Parameter.VAR_KEYWORD]


def test_a_misspelt_parameter_is_a_line_and_texts_for_numbers_work() -> None:
    with pytest.raises(UnknownName, match=r"^unknown parameter 'query_sise': did you mean"):
        al.Campaign(query_sise=3)  # type: ignore[call-arg]
    assert al.Campaign(query_size="3").name == al.Campaign(query_size=3).name  # type: ignore[arg-type]
