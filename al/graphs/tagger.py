"""A small network that gives each token of a text a tag."""

from __future__ import annotations

import torch
from torch import nn

from al.contracts import DataSpec
from al.graphs.entities import PLACE, EntityGraph

#: Numbers that a feature stands for and a token becomes, and tokens that it is seen with at each
#: side.
WORD, WIDTH, BESIDE = 32, 64, 2
#: Least steps of an epoch, and texts of a step: of few labels a few make a batch, as F1 stays at 0
#: for too many epochs else, and training stops.
STEPS, LEAST = 8, 4


class TokenTrunk(nn.Module):
    """Rows of start, end, hashed features and, behind these, an encoder's vector of each token
    [N, L, 2 + K (+ D)] → features [N, F + 2, L].

    Each hashed feature has an embedding, and those of a token are summed up. They begin near 0,
    so that a feature that no label has taught anything of says little. A token is seen with two
    others at each side; start and end follow as two rows. A vector is normalised on its own, so
    that nothing is to be estimated from few labels, and projected; one of zeros says nothing.

    Args:
        hashed: how many numbers a feature may be hashed to.
        features: K.
        vector: D; 0 without an encoder.
    """

    def __init__(self, hashed: int, features: int, vector: int = 0) -> None:
        super().__init__()
        self.features = features
        self.table = nn.EmbeddingBag(hashed, WORD, mode="sum")
        nn.init.normal_(self.table.weight, std=0.1)
        self.drop = nn.Dropout1d(0.2)
        self.read = nn.Sequential(
            nn.LayerNorm(vector, elementwise_affine=False), nn.Linear(vector, WIDTH, bias=False)
        ) if vector else None  # fmt: skip
        width = WORD + (WIDTH if vector else 0)
        self.mix = nn.Conv1d(width, WIDTH, 2 * BESIDE + 1, padding=BESIDE)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Features of each token, 0 where there is none."""
        places = rows[..., :PLACE].movedim(1, 2)
        there = (places[:, 1:] > places[:, :1]).to(rows.dtype)  # [N, 1, L]
        behind = PLACE + self.features
        x = self.table(rows[..., PLACE:behind].long().flatten(0, 1)).unflatten(0, rows.shape[:2])
        if self.read is not None:
            x = torch.cat([x, self.read(rows[..., behind:])], dim=2)
        x = x.movedim(1, 2) * there
        x = torch.relu(self.mix(self.drop(x))) * there
        return torch.cat([x, places], dim=1)


class TagHead(nn.Module):
    """Features [N, F + 2, L] → logits of the tags, with start and end behind them, [N, T + 2, L].

    Dropout takes whole features of a text, as a mask of its own for each token would depend on
    how long the texts of a batch are.
    """

    def __init__(self, width: int, tags: int) -> None:
        super().__init__()
        self.drop, self.last = nn.Dropout1d(0.3), nn.Conv1d(width, tags, 1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Logits of each token."""
        logits = self.last(self.drop(features[:, :-PLACE]))
        return torch.cat([logits, features[:, -PLACE:]], dim=1)


class Tagger(EntityGraph):
    """Tags by a small network."""

    def batch_size(self, wanted: int, samples: int) -> int:
        return min(wanted, max(LEAST, samples // STEPS))


def token_tagger(spec: DataSpec, hashed: int, features: int) -> Tagger:
    """Features of tokens and of those beside them, a layer, and the tags.

    Args:
        hashed, features: see `TokenTrunk`.
    """
    vector = spec.input_shape[1] - PLACE - features
    head = TagHead(WIDTH, 1 + 2 * len(spec.classes))
    return Tagger(TokenTrunk(hashed, features, vector), head, spec)
