"""What README.md shows works as it stands there, and its links lead somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from al.catalog import strategies
from tests.conftest import ROOT

TEXT = (ROOT / "README.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("code", EXAMPLES, ids=["pipeline", "arrays"])
@pytest.mark.slow
def test_an_example_in_python_runs_in_an_empty_folder(code: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))],
    ids=lambda page: page.name,
)  # fmt: skip
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for path, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)]*))?\)", page.read_text()):
        target = page.parent / path if path else page
        assert target.exists(), path
        if anchor:
            heads = re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE)
            known = {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}
            assert anchor in known, f"{path}#{anchor}"


def test_the_number_of_strategies_is_that_of_the_catalog() -> None:
    assert f"{len(strategies.names())} strategies, chains" in TEXT


def test_the_packages_description_leads_nowhere_that_only_this_repository_has(
    tmp_path: Path,
) -> None:
    code = "from setuptools.build_meta import *; import sys; " + (
        "print(prepare_metadata_for_build_wheel(sys.argv[1]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    metadata = (tmp_path / done.stdout.split()[-1] / "METADATA").read_text()
    assert "# Active learning pipeline" in metadata
    assert "https://mlflow.org" in metadata  # what leads somewhere stays
    assert re.findall(r"\]\((?!https?:)", metadata) == []
