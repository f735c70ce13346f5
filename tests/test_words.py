"""One word, one thing."""

from __future__ import annotations

import tokenize

import pytest

from tests.conftest import ROOT


@pytest.mark.parametrize("path", sorted((ROOT / "al").rglob("*.py")), ids=lambda p: p.stem)
def test_no_name_is_a_bare_champion(path: object) -> None:
    # a version, a record, a model, a graph and figures: the name says which
    with open(str(path)) as lines:
        names = {t.string for t in tokenize.generate_tokens(lines.readline)}
    assert "champion" not in names
