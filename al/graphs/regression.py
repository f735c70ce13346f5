"""A number a sample, and how uncertain it is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from torch import nn

from al.contracts import Batch, DataSpec, Label
from al.graphs.base import TorchGraph

if TYPE_CHECKING:
    import pandas as pd

#: Bounds of the logarithm of a predicted variance, in units of `unit`².
_LEAST, _MOST = -8.0, 8.0


class RegressionGraph(TorchGraph):
    """Gaussian negative log likelihood; RMSE and NLL; a mean and a variance.

    The head gives [N, 2]: the mean and the logarithm of the variance, both in units of `unit`
    counted from `middle`. loss = ½ ln σ² + (y − μ)² / 2 σ² + ½ ln 2π in these units (Nix and
    Weigend 1994, Estimating the mean and variance of the target probability distribution).

    Args:
        middle, unit: about the mean and the standard deviation of the numbers, so that the
            network works near 0 and 1; a task knows them from what it measures.
    """

    metrics: ClassVar[tuple[str, ...]] = ("rmse", "nll", "loss")
    lower: ClassVar[frozenset[str]] = frozenset(metrics)

    def __init__(
        self,
        trunk: nn.Module,
        head: nn.Module,
        spec: DataSpec,
        *,
        scale: float = 1.0,
        middle: float = 0.0,
        unit: float = 1.0,
    ) -> None:
        super().__init__(trunk, head, spec, scale=scale)
        self.middle, self.unit = middle, unit

    def losses(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        mean, log_variance = outputs[:, 0], outputs[:, 1].clamp(_LEAST, _MOST)
        away = (targets.to(mean.dtype) - self.middle) / self.unit - mean
        return 0.5 * (log_variance + away**2 / log_variance.exp() + math.log(2 * math.pi))

    def probabilities(self, outputs: torch.Tensor) -> torch.Tensor:
        """Mean and variance, [N, 2]."""
        mean = self.middle + self.unit * outputs[:, 0]
        return torch.stack([mean, self.unit**2 * outputs[:, 1].clamp(_LEAST, _MOST).exp()], dim=1)

    def guesses(self, batch: Batch, spec: DataSpec) -> tuple[list[Label], np.ndarray]:
        p = self.infer(batch, ("probabilities",), samples=1, seed=0)["probabilities"]
        return [float(f"{value:.6g}") for value in p[:, 0]], np.sqrt(p[:, 1])

    def predict(self, inputs: np.ndarray) -> pd.DataFrame:
        """A row a sample: its value and the standard deviation of that."""
        import pandas as pd

        p = super().predict(inputs).astype(np.float64)
        return pd.DataFrame({"value": p[:, 0], "std": np.sqrt(p[:, 1])})
