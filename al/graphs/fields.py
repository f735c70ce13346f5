"""Predictions that hold many distributions: of pixels, boxes or labels."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np
import torch

from al.contracts import Batch, Graph
from al.graphs.base import TorchGraph
from al.measures import MEASURES, Field, scores


class FieldGraph(TorchGraph):
    """A graph that also infers measures, each made one number a sample on the way.

    A batch is taken a few samples at a time and pass by pass, so that of all passes over all
    samples no more is ever held than one pass over these few.
    """

    piece = 16

    @abstractmethod
    def field(self, outputs: torch.Tensor, where: Any) -> Field:
        """The distributions that outputs stand for."""

    def where(self, outputs: torch.Tensor) -> Any:
        """What has to be the same for all passes over the same samples; nothing by default."""
        return None

    def committee(self, members: Sequence[Graph]) -> Graph:
        return cast(Graph, _Committee(cast(Sequence[FieldGraph], members)))

    def _inferred(
        self, features: torch.Tensor, wants: Sequence[str], samples: int, seed: int
    ) -> dict[str, np.ndarray]:
        measures = _measures(wants)
        of_one = [found for found in measures if MEASURES[found[0]].reads == "probabilities"]
        of_passes = [found for found in measures if MEASURES[found[0]].reads == "samples"]
        plain = [want for want in wants if "." not in want and want != "samples"]
        found = super()._inferred(features, plain, samples, seed)
        if not of_one and not of_passes and "samples" not in wants:
            return found
        outputs = self.outputs(features)
        where = self.where(outputs)
        if of_one:
            found |= scores([self.field(outputs, where)], of_one)
        if of_passes or "samples" in wants:
            summaries: list[torch.Tensor] = []

            def passes() -> Iterator[Field]:
                for outputs in self.drawn(features, samples, seed):
                    if "samples" in wants:
                        summaries.append(self.probabilities(outputs))
                    yield self.field(outputs, where)

            found |= scores(passes(), of_passes)
            if summaries:
                found["samples"] = torch.stack(summaries, dim=1).cpu().numpy()  # [N, T, C]
        return found


class _Committee:
    """Several graphs of one task as the passes of one; it only infers."""

    alone = False  # networks: a batch stays a batch

    def __init__(self, members: Sequence[FieldGraph]) -> None:
        self.members = members

    def infer(
        self, batch: Batch, wants: Sequence[str], *, samples: int = 20, seed: int = 0
    ) -> dict[str, np.ndarray]:
        first = self.members[0]
        parts = []
        for member in self.members:
            member.network.eval()
        with torch.inference_mode():
            for rows in first._pieces(len(batch.ids)):
                inputs = batch.inputs[rows]
                parts.append(scores(self._fields(inputs), _measures(wants)))
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _fields(self, inputs: torch.Tensor) -> Iterator[Field]:
        where = None
        for number, member in enumerate(self.members):
            outputs = member.outputs(member.trunk(member.prepare(inputs)))
            where = where if number else member.where(outputs)
            yield member.field(outputs, where)


def _measures(wants: Sequence[str]) -> list[tuple[str, str]]:
    """(measure, over) of each want that is one."""
    split = (want.partition(".") for want in wants if "." in want)
    return [(measure, over) for measure, _, over in split]
