"""Job arrays, as docs/scale.md has them: its own script and manifest, run in all their tasks."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from al.data_selector import pool_pass
from al.data_selector.brought import BROUGHT
from tests.conftest import ROOT
from tests.stores import runs, table

TEXT = (ROOT / "docs" / "scale.md").read_text()
SLURM = TEXT.partition("SLURM, with `sbatch`:\n\n```bash\n")[2].partition("```")[0]
KUBERNETES = TEXT.partition("an Indexed Job:\n\n```yaml\n")[2].partition("```")[0]
#: `al` with shards that several shares of a small pool have; which it scores, it writes down.
SMALL_SHARDS = f"""#!{sys.executable}
from al.data_selector import pool_pass
pool_pass.SHARD = 128
score = pool_pass._scored

def scored(made, piece, **how):
    with open("scored.txt", "a") as file:
        file.write(f"{{piece[0]}}\\n")
    return score(made, piece, **how)

pool_pass._scored = scored
from al.commands import program
program()
"""


def array(script: list[str], **environments: list[str]) -> list[int]:
    """Run all tasks of an array at once; returns the shards that they scored."""
    tasks = [
        subprocess.Popen(
            script,
            env={**os.environ, **dict(zip(environments, values, strict=True))},
            stderr=subprocess.PIPE,
            text=True,
        )
        for values in zip(*environments.values(), strict=True)
    ]
    for task in tasks:
        output = task.communicate()[1]
        assert task.returncode == 0, output
    found = Path("scored.txt")
    scored = [int(line) for line in found.read_text().splitlines()]
    found.unlink()
    return scored


def brought(cache: Path) -> dict[str, bytes]:
    """What was left for the next query, by shard."""
    found = cache.rglob(f"{BROUGHT}/*-*")
    return {path.name: path.read_bytes() for path in found if not path.name.startswith("lock")}


@pytest.mark.slow
def test_job_arrays_of_the_docs_score_each_shard_once_and_the_query_is_that_of_one_process(
    campaign: Callable[..., Any], folder: Path, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = {"al": SMALL_SHARDS, "srun": '#!/bin/sh\nexec "$@"\n'}
    (folder / "bin").mkdir()
    for name, text in programs.items():
        (folder / "bin" / name).write_text(text)
        (folder / "bin" / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlflow.db")
    monkeypatch.setattr(pool_pass, "SHARD", 128)
    given = {"strategy": "margin", "epochs": 1}
    campaign(**given, campaign="photos", cycles=1).run()

    found = re.search(r"^#SBATCH --array=0-(\d+)$", SLURM, re.M)
    assert found is not None
    (folder / "job.sh").write_text(SLURM)
    monkeypatch.setenv("AL_CACHE_DIR", str(folder / "slurm"))
    by_slurm = array(
        ["bash", "job.sh"],
        SLURM_ARRAY_TASK_ID=["0", "1", "2"],
        SLURM_ARRAY_TASK_COUNT=["3", "3", "3"],
    )

    job = yaml.safe_load(KUBERNETES)
    (container,) = job["spec"]["template"]["spec"]["containers"]
    env = {row["name"]: row["value"] for row in container["env"]}
    assert (job["apiVersion"], job["kind"]) == ("batch/v1", "Job")
    assert job["spec"]["completionMode"] == "Indexed"
    assert job["spec"]["completions"] == job["spec"]["parallelism"] == int(env["SHARES"])
    mounted = {row["name"]: row["mountPath"] for row in container["volumeMounts"]}
    (volume,) = job["spec"]["template"]["spec"]["volumes"]
    assert env["AL_CACHE_DIR"].startswith(mounted[volume["name"]])
    monkeypatch.setenv("AL_CACHE_DIR", str(folder / "kubernetes"))
    by_kubernetes = array(container["command"], JOB_COMPLETION_INDEX=["0", "1"], SHARES=["2", "2"])

    assert sorted(by_slurm) == sorted(by_kubernetes)
    assert set(Counter(by_slurm).values()) == {1}
    assert len(by_slurm) > 6
    assert brought(folder / "slurm") == brought(folder / "kubernetes")
    assert len(brought(folder / "slurm")) == len(by_slurm)

    def nobody(*_: Any, **__: Any) -> Any:
        raise AssertionError("a shard was lost")

    with monkeypatch.context() as patched:
        patched.setattr(pool_pass, "_scored", nobody)
        campaign(campaign="photos", cycles=2).run()
    monkeypatch.setenv("AL_CACHE_DIR", str(folder / "alone"))
    campaign(**given, campaign="alone", cycles=2).run()
    first, second = (
        table(
            client, runs(client, step="select-data", campaign=name, cycle="2")[0], "query.parquet"
        )
        for name in ("photos", "alone")
    )
    assert first.drop(columns="model").equals(second.drop(columns="model"))  # which has the name
