"""Nodes of a Ray cluster that are lost in the middle of work: killed, or behind a cut cable.

The nodes are machines of a network of namespaces. Where none can be made, they are raylets of
this machine, all of which are killed; the first test is skipped then and says so.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest

import al
from al.data import embeddings
from al.data_selector import pool_pass
from tests import losing
from tests.clusters import RayCluster, RayNetwork
from tests.conftest import ROOT, SMALL
from tests.encoders import WORDS
from tests.experiment.test_experiment import TINY
from tests.test_workers import came_to, new_store

pytestmark = pytest.mark.slow
Nodes = RayCluster | RayNetwork

#: Reads what a strategy may read of models, and judges, stops and votes by models.
CAMPAIGN: dict[str, Any] = {
    **SMALL, "strategy": "bald(20x) > vote_entropy(5x) > margin", "candidates": 2, "kpi": "0.99",
    "compare": "interval", "audit": 0.3, "query_size": 20, "passes": 4, "epochs": 2,
    "promote": "always",
}  # fmt: skip


@pytest.fixture(scope="module")
def made() -> Iterator[Nodes]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))  # workers find the encoder wherever they start
        try:
            nodes: Nodes = RayNetwork(3)
        except OSError:
            nodes = RayCluster(3)
        yield nodes
        nodes.stop()


@pytest.fixture
def nodes(made: Nodes) -> Nodes:
    """Three nodes."""
    made.mend()
    return made


@pytest.fixture
def store(empty_database: Path, tmp_path: Path) -> Iterator[pytest.MonkeyPatch]:
    with new_store(empty_database, tmp_path) as patch:
        patch.setattr(pool_pass, "SHARD", losing.SHARD)
        patch.setattr(embeddings, "PACK_OF_TEXTS", losing.PACK)
        patch.setenv("BROUGHT", "brought-here")
        patch.setenv("AL_CACHE_DIR", "cache-here")
        yield patch


def drive(nodes: Nodes, command: str, given: dict[str, Any], **settings: str) -> tuple[int, str]:
    """Run a command of `al` on the cluster, where what it asks for gets lost.

    Returns:
        Its exit code, and what it said.
    """
    how = {"engine": "tests.losing:Losing",
           "engine_options": f"address={nodes.address}, workers=3, cpus=1"}  # fmt: skip
    env = {
        **os.environ, "PYTHONPATH": str(ROOT), "BROUGHT": "brought-there",
        "MLFLOW_TRACKING_URI": mlflow.get_tracking_uri(), "AL_CACHE_DIR": "cache-there",
        "RAY_gcs_rpc_server_reconnect_timeout_s": "3", "OMP_NUM_THREADS": "1", **settings,
    }  # fmt: skip
    parts = [f"--{name}={value}" for name, value in {**given, **how}.items()]
    driver = nodes.start([sys.executable, "-m", "al", command, *parts], env)
    assert driver.stdout is not None
    assert driver.stdin is not None
    lines = []
    for line in driver.stdout:
        lines.append(line)
        if line.startswith("LOSE"):
            _, how_lost, where = line.split()
            nodes.lose_head() if how_lost == "head" else nodes.lose(how_lost, where)
            driver.stdin.write("\n")
            driver.stdin.flush()
    return driver.wait(), "".join(lines)


def brought(where: str) -> list[str]:
    """All shards that came back, whatever the order."""
    return sorted(Path(f"brought-{where}").read_text().splitlines())


def lost(lines: str) -> list[str]:
    """What was lost, in order."""
    return [line.split()[1] for line in lines.splitlines() if line.startswith("LOSE")]


def test_the_nodes_are_machines_of_a_network(made: Nodes) -> None:
    if not isinstance(made, RayNetwork):
        pytest.skip("no namespaces can be made here: nodes are raylets of this machine")


def test_scoring_comes_out_equal_with_a_node_killed_and_another_cut_off(
    nodes: Nodes, store: pytest.MonkeyPatch
) -> None:
    al.Campaign(campaign="here", engine="tests.losing:Recording", **CAMPAIGN).run()
    code, lines = drive(nodes, "main", {**CAMPAIGN, "campaign": "there"}, LOSE_IN="_scored")
    assert code == 0, lines
    assert lost(lines) == ["killed", "cut"]
    assert brought("there") == brought("here")
    assert came_to("there") == came_to("here")


def test_embedding_comes_out_equal_with_a_node_killed_and_another_cut_off(
    nodes: Nodes, store: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(WORDS[5:], 6)) for _ in range(160)]
    table = pd.DataFrame({"text": texts, "kind": ["rain" in text for text in texts]})
    table.to_csv("texts.csv", index=False)
    given: dict[str, Any] = {
        **SMALL, "task": "text", "data": "texts.csv", "text": "text", "target": "kind",
        "encoder": "tests.encoders:Reading", "initial_size": 10, "query_size": 5,
        "strategy": "margin", "cycles": 1,
    }  # fmt: skip
    al.Campaign(campaign="here", engine="tests.losing:Recording", **given).run()
    code, lines = drive(nodes, "main", {**given, "campaign": "there"}, LOSE_IN="_embedded")
    assert code == 0, lines
    assert lost(lines) == ["killed", "cut"]
    packs = -(-len(set(texts)) // losing.PACK)
    embedded = [row for row in brought("there") if row.startswith("_embedded")]
    assert embedded == sorted(f"_embedded {number}" for number in range(packs))
    assert came_to("there") == came_to("here")


def test_an_experiment_comes_out_equal_with_a_node_killed_and_another_cut_off(
    nodes: Nodes, store: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = {**TINY, "strategies": "margin", "seeds": 3}
    here = al.Experiment(name="here", engine="tests.losing:Recording", **given).run().curves()
    code, lines = drive(nodes, "experiment", {**given, "name": "there"}, LOSE_IN="tried")
    assert code == 0, lines
    assert lost(lines) == ["killed", "cut"]
    assert brought("there") == brought("here")
    # all its trials are on record: none is run again, and the figures are read from there
    there = al.Experiment(name="there", **given).run().curves()
    columns = ["strategy", "seed", "labels", "accuracy"]
    pd.testing.assert_frame_equal(there[columns], here[columns], check_exact=True)


def test_a_campaign_goes_on_after_the_head_was_lost(
    nodes: Nodes, store: pytest.MonkeyPatch
) -> None:
    """The driver ends with the head; the same command on a new cluster ends the campaign."""
    al.Campaign(campaign="here", engine="tests.losing:Recording", **CAMPAIGN).run()
    given = {**CAMPAIGN, "campaign": "there"}
    code, lines = drive(nodes, "main", given, LOSE_IN="_scored", LOSE="head")
    assert code != 0
    assert lost(lines) == ["head"]
    assert "Traceback" not in lines
    nodes.begin_again()
    code, lines = drive(nodes, "main", given)
    assert code == 0, lines
    assert [row for row in brought("there") if "_scored" in row] == [
        row for row in brought("here") if "_scored" in row
    ]
    assert came_to("there")[0] == came_to("here")[0]
