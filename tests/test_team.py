"""Several processes train one network, started by torchrun itself."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from al.agents import HeadAgent, SupervisedAgent, Team
from al.contracts import Batch
from al.errors import ConfigError
from al.graphs import ClassificationGraph
from al.pipeline.trainers import gather
from tests.conftest import ROOT, SMALL
from tests.stores import outcome
from tests.teammates import SIZES, exact_agent, recorded

TEAMMATES = str(ROOT / "tests" / "teammates.py")


def torchrun(*script: str, processes: int = 2) -> subprocess.CompletedProcess[str]:
    """Run it in several processes, in the working directory's store."""
    return subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone",
         f"--nproc-per-node={processes}", *script],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip


def printed(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The lines that our processes wrote on standard error, beside torchrun's report."""
    assert str(ROOT / "al") not in done.stderr  # no traceback of ours
    return re.findall(r"^(?:error|terminated|stopped): .*$", done.stderr, re.M)


@pytest.mark.slow
@pytest.mark.parametrize("processes", [2, 3])
def test_the_gradients_of_every_step_are_those_of_one_process(
    tmp_path: Path, processes: int
) -> None:
    done = torchrun(TEAMMATES, "gradients", str(tmp_path), processes=processes)
    assert done.returncode == 0, done.stderr
    for size in SIZES:
        alone = recorded(exact_agent(size))
        assert len(alone["steps"]) == -(-33 // size)
        for rank in range(processes):
            together = torch.load(tmp_path / f"{size}-{rank}")
            assert torch.allclose(together["steps"], alone["steps"], rtol=0, atol=1e-12)
            assert together["loss"] == pytest.approx(alone["loss"], abs=1e-6)


@pytest.mark.slow
def test_a_training_of_two_processes_comes_out_equal_after_either_was_killed(
    folder: Path, client: Any
) -> None:
    given = {**SMALL, "cycles": 1, "epochs": 6, "checkpoints": 6}
    command = [part for name, value in given.items() for part in (f"--{name}", str(value))]

    def run(name: str, rank: int, epoch: int) -> subprocess.CompletedProcess[str]:
        given = ("main", "--campaign", name, *command)
        return torchrun(TEAMMATES, "dying", str(rank), str(epoch), *given)

    assert run("straight", 9, 9).returncode == 0
    assert epochs(0) == epochs(1) == [1, 2, 3, 4, 5, 6]
    killed = run("cut", 1, 3)
    assert killed.returncode != 0
    (line,) = printed(killed)
    assert line.startswith(("error: another process of this training has ended", "terminated: "))
    assert line.endswith(("the same command goes on", "the same command goes on from here"))
    assert run("cut", 0, 5).returncode != 0
    assert run("cut", 9, 9).returncode == 0
    assert epochs(1)[6:] == [1, 2, 3, 4, 5, 6]
    straight, cut = outcome(client, "straight"), outcome(client, "cut")
    assert cut == straight


def epochs(rank: int) -> list[int]:
    """Those that this process of the team has begun."""
    return [int(line) for line in Path(f"epochs-{rank}.txt").read_text().splitlines()]


def test_a_command_that_does_not_train_is_one_line_under_torchrun(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    gather("score")  # another launcher's
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.setenv("MASTER_PORT", "9")
    with pytest.raises(ConfigError, match=r"^score does not train: run it without torchrun"):
        gather("score")
    monkeypatch.setenv("RANK", "1")
    with pytest.raises(SystemExit):
        gather("score")


class OwnLoss(ClassificationGraph):
    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return super().loss(outputs, targets) * len(outputs)


class OwnStep(ClassificationGraph):
    def train_batch(self, batch: Batch) -> torch.Tensor:
        return super().train_batch(batch)


class OwnEpoch(SupervisedAgent):
    def train(self, epoch: int) -> dict[str, float]:
        return super().train(epoch)


def test_what_batches_cannot_be_shared_of_says_why() -> None:
    made = exact_agent(8)
    assert made.alone == ""
    trunk, head, spec = made.graph.trunk, made.graph.head, made.data.spec
    assert OwnLoss(trunk, head, spec).indivisible == "its loss is not known for each sample"
    assert OwnStep(trunk, head, spec).indivisible == "its step of training is its own"
    normal = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.BatchNorm1d(64))
    found = ClassificationGraph(normal, torch.nn.Linear(64, 10), spec)
    assert "normalises over batches" in found.indivisible
    assert "epoch of its own" in exact_agent(8, OwnEpoch).alone
    parts = {"train": made.train_examples, "val": made.val_examples, "schedule": made.schedule,
             "criterion": made.criterion, "recorder": None}  # fmt: skip
    assert "does not go by batches" in HeadAgent(made.graph, made.data, **parts).alone
    folded = SupervisedAgent(made.graph, made.data, **parts, folds=[exact_agent(8)])
    assert "validation=folds" in folded.alone
    made.graph.loss_head = torch.nn.Linear(32, 1)
    assert "pairs of samples" in made.alone


class OneGpu(Team):
    def __init__(self) -> None:
        self.size, self._on_machine, self._gpus = 2, 2, 1


def test_processes_that_would_share_a_gpu_are_one_line() -> None:
    with pytest.raises(ConfigError, match=r"^2 processes train on 1 GPUs: .*--nproc-per-node 1$"):
        OneGpu().check(torch.device("cuda"))
    with pytest.raises(ConfigError, match=r"^device=cuda:0 is one GPU for 2 processes: leave"):
        OneGpu().check(torch.device("cuda:0"))
    OneGpu().check(torch.device("cpu"))
