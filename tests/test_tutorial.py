"""The tutorial, from a folder of photographs to production, as it stands in docs/tutorial.md."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from al.annotators.page.log import AnswerLog
from tests.conftest import ROOT

TEXT = (ROOT / "docs" / "tutorial.md").read_text()
#: What is run of it, in its order: commands, Python, and where people answer.
PARTS = re.findall(r"```(sh|python)\n(.*?)```|<!-- (people answer) -->", TEXT, re.DOTALL)
DATA = Path(os.environ.get("AL_DATA_DIR", ROOT / "data")) / "pets3" / "pets3.zip"


def photographs(folder: Path, labelled: int = 50) -> None:
    """Three breeds, `labelled` of each in a folder of its name and some in none."""
    counts: dict[str, int] = {}
    with zipfile.ZipFile(DATA) as packed:
        for name in sorted(n for n in packed.namelist() if n.startswith("images/")):
            breed = Path(name).name.rpartition("_")[0]
            counts[breed] = counts.get(breed, 0) + 1
            if counts[breed] <= 70:
                to = folder / "train" / (breed if counts[breed] <= labelled else "")
                to.mkdir(parents=True, exist_ok=True)
                (to / Path(name).name).write_bytes(packed.read(name))


def people_answer(folder: Path) -> None:
    """Say of each photograph what its name says."""
    log = AnswerLog(folder / "annotate" / "pets")
    answers = log.answers()
    for key in log.ever_asked():
        if key not in answers:
            log.answer(key, Path(key[0]).name.rpartition("_")[0], "anna", 1.0, skip=False)


@pytest.mark.slow
@pytest.mark.skipif(not DATA.exists(), reason=f"{DATA} is not there")
def test_every_command_of_the_tutorial_works_in_its_order(tmp_path: Path) -> None:
    pytest.importorskip("efficientnet_lite_pytorch")
    photographs(tmp_path / "photos")
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    environment |= {"MLFLOW_EXPERIMENT_NAME": "pets", "AL_CACHE_DIR": str(tmp_path / "cache")}
    environment.pop("MLFLOW_TRACKING_URI", None)
    answers = ""
    for language, code, _ in PARTS:
        if not code:
            people_answer(tmp_path)
            continue
        command = ["bash", "-e", "-c", code] if language == "sh" else [sys.executable, "-c", code]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        answers += done.stdout
    assert answers.count("waiting: 0 of 20 answered") == 3
    assert "130 labels of pets are in labelled" in answers
    assert (tmp_path / "story" / "report.html").exists()
    assert "p_Bengal" in answers
