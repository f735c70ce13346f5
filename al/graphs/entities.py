"""Named spans of text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy, pad

from al.contracts import Batch, DataSpec, Label
from al.graphs.comparing import Compared, together
from al.graphs.fields import FieldGraph
from al.kinds.entities import SCORES, counted
from al.measures import Field

if TYPE_CHECKING:
    import pandas as pd

#: Rows of features and outputs behind those of the network: start and end of each token.
PLACE = 2


class EntityGraph(FieldGraph):
    """A tag for each token; entity F1; at each token a distribution over the tags.

    Tags are O, then B-c and then I-c of each class c: outside, first of an entity, and further in
    it (Ramshaw and Marcus 1995, in the form called IOB2). The head gives [N, 1 + 2 C + 2, L]:
    logits of the tags, and behind them the first character of each of L tokens and the one behind
    its last, which the trunk hands on; a token without a character is none. An I that follows no
    B or I of its class begins an entity, as in conlleval and seqeval. A token is of an entity that
    it shares a character with.

    loss = mean over a text's tokens of −ln p(tag). The embedding is the mean and the maximum over
    the tokens, [N, 2 F]. "probabilities" are expected numbers of entities, Σ over tokens of p(B-c).
    """

    metrics: ClassVar[tuple[str, ...]] = ("entity_f1", "loss")
    calibrates: ClassVar[bool] = True

    def __init__(self, trunk: nn.Module, head: nn.Module, spec: DataSpec) -> None:
        super().__init__(trunk, head, spec)
        self.count = len(spec.classes)

    def losses(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return self._losses(outputs, targets)

    def weighed(
        self, outputs: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor
    ) -> torch.Tensor:
        """Tokens weighed by the class of their entity; those outside of any count as before."""
        return self._losses(outputs, targets, torch.cat([weights.new_ones(1), weights, weights]))

    def _losses(
        self, outputs: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor | None = None
    ) -> torch.Tensor:
        logits, starts, ends, there = _parts(outputs)
        tags = self._tags(starts, ends, targets)
        each = cross_entropy(logits, tags, weight=weights, reduction="none") * there
        return each.sum(dim=1) / there.sum(dim=1).clamp(min=1)

    def logits(self, batches: Iterable[Batch]) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Of the tags of all tokens."""
        for outputs, targets in self._run(batches):
            logits, starts, ends, there = _parts(outputs)
            yield logits.movedim(1, 2)[there], self._tags(starts, ends, targets)[there]

    def nll(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return cross_entropy(outputs, targets)

    def ece(self, outputs: torch.Tensor, targets: torch.Tensor) -> float:
        from torchmetrics.functional.classification import multiclass_calibration_error

        p = outputs.softmax(1)
        return float(multiclass_calibration_error(p, targets, outputs.shape[1]))

    def tempered(self, outputs: torch.Tensor, temperature: float) -> torch.Tensor:
        return torch.cat([outputs[:, :-PLACE] / temperature, outputs[:, -PLACE:]], dim=1)

    def _tags(
        self, starts: torch.Tensor, ends: torch.Tensor, targets: torch.Tensor
    ) -> torch.Tensor:
        """The tag of each token [n, L], by entities [n, M, 3] of class, start and end."""
        classes, low, high = (targets[:, None, :, place] for place in range(3))
        inside = (starts[..., None] < high) & (ends[..., None] > low) & (classes >= 0)  # [n, L, M]
        begins = inside & ~pad(inside[:, :-1], (0, 0, 1, 0))
        which = inside.to(torch.uint8).argmax(dim=2, keepdim=True)
        found = classes.expand_as(inside).gather(2, which)
        first = begins.gather(2, which)
        tags = 1 + found + torch.where(first, 0, self.count)
        return torch.where(inside.any(dim=2), tags[..., 0], 0)

    def probabilities(self, outputs: torch.Tensor) -> torch.Tensor:
        logits, _, _, there = _parts(outputs)
        p = logits.softmax(dim=1)[:, 1 : 1 + self.count]
        return (p * there[:, None]).sum(dim=2)

    def field(self, outputs: torch.Tensor, where: Any) -> Field:
        logits, _, _, there = _parts(outputs)
        return Field(logits.softmax(dim=1).movedim(1, 2), there.to(outputs.dtype))

    def embed(self, features: torch.Tensor) -> torch.Tensor:
        _, _, _, there = _parts(features)
        x = features[:, :-PLACE] * there[:, None]  # features of what is not a token are 0
        return torch.cat([x.sum(dim=2) / there.sum(dim=1).clamp(min=1)[:, None], x.amax(dim=2)], 1)

    def answers(self, outputs: torch.Tensor) -> torch.Tensor:
        """Class, start and end of each entity, int64 [n, L, 3]; −1 where there is none."""
        return self._spans(outputs)[0]

    def _spans(self, outputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The entities, and how probable their tags are, the mean over their tokens, [n, L]."""
        logits, starts, ends, there = _parts(outputs)
        sure, tags = logits.softmax(dim=1).max(dim=1)
        inside = (tags > 0) & there
        kinds = torch.where(inside, (tags - 1) % self.count, -1)
        same = kinds[:, 1:] == kinds[:, :-1]
        begins = inside & ((tags <= self.count) | ~pad(same, (1, 0)))
        last = inside & ~pad(same & ~begins[:, 1:], (0, 1))
        number = begins.cumsum(dim=1) - 1  # of the entity that a token is in
        found = torch.full((*tags.shape, 3), -1, device=tags.device)
        parts = ((begins, kinds), (begins, starts), (last, ends))
        for place, (at, values) in enumerate(parts):
            rows, columns = at.nonzero(as_tuple=True)
            found[rows, number[rows, columns], place] = values[rows, columns]
        total = torch.zeros_like(sure).scatter_add(1, number.clamp(min=0), sure * inside)
        length = torch.zeros_like(sure).scatter_add(1, number.clamp(min=0), inside.to(sure.dtype))
        return found, total / length.clamp(min=1)

    def on_some(
        self, parts: Iterable[Compared], metric: str
    ) -> Callable[[np.ndarray], float] | None:
        """Entities are counted once, as a bootstrap asks a thousand times."""
        parts = list(parts)
        if metric not in SCORES or not parts:
            return super().on_some(parts, metric)
        counts, score = counted(*together(parts)), SCORES[metric]
        return lambda rows: score(counts[rows].sum(axis=0))

    def guesses(self, batch: Batch, spec: DataSpec) -> tuple[list[Label], np.ndarray]:
        """Labels, and of each text the mean over its tokens of how probable their tags are."""
        labels, sure = list[Label](), list[np.ndarray]()
        for outputs in self._outputs(batch.inputs):
            logits, _, _, there = _parts(outputs)
            best = logits.softmax(dim=1).amax(dim=1) * there
            spans = self.answers(outputs).cpu().numpy()
            labels += [
                [{"start": s, "end": e, "label": spec.classes[c]} for c, s, e in _found(rows)]
                for rows in spans
            ]
            sure.append((best.sum(dim=1) / there.sum(dim=1).clamp(min=1)).cpu().numpy())
        return labels, np.concatenate([np.empty(0), *sure])

    def _outputs(self, inputs: Any) -> Iterable[torch.Tensor]:
        self.network.eval()
        with torch.inference_mode():
            for rows in self._pieces(len(inputs)):
                yield self.outputs(self.trunk(self.prepare(torch.as_tensor(inputs[rows]))))

    def predict(self, inputs: np.ndarray) -> pd.DataFrame:
        """A row an entity: the text's position, label, start, end and score."""
        import pandas as pd

        rows: list[tuple[int, str, int, int, float]] = []
        sample = 0
        for outputs in self._outputs(inputs):
            for spans, sure in zip(*(t.cpu().numpy() for t in self._spans(outputs)), strict=True):
                rows += [
                    (sample, self.spec.classes[c], s, e, float(score))
                    for (c, s, e), score in zip(_found(spans), sure, strict=False)
                ]
                sample += 1
        columns = list(zip(*rows, strict=True)) or [()] * 5
        dtypes = (np.int64, object, np.int64, np.int64, np.float64)
        names = ("sample", "label", "start", "end", "score")
        return pd.DataFrame(
            {n: np.array(c, t) for n, c, t in zip(names, columns, dtypes, strict=True)}
        )


def _parts(
    outputs: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Logits [n, T, L], starts and ends [n, L], and which tokens there are."""
    starts, ends = outputs[:, -2].long(), outputs[:, -1].long()
    return outputs[:, :-PLACE], starts, ends, ends > starts


def _found(spans: np.ndarray) -> list[list[int]]:
    """Those rows that are entities."""
    found: list[list[int]] = spans[spans[:, 0] >= 0].tolist()
    return found
