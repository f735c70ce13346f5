"""How far probabilities are from how often they are right, and the temperature that mends it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from al.contracts import Calibration


def fitted(
    outputs: torch.Tensor,
    targets: torch.Tensor,
    nll: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    ece: Callable[[torch.Tensor, torch.Tensor], float],
) -> Calibration:
    """T = argmin of the negative log likelihood of softmax(logits / T).

    Guo, Pleiss, Sun and Weinberger (2017), On calibration of modern neural networks.

    Args:
        outputs, targets: logits of labelled samples, and what they should say.
        nll: mean negative log likelihood of logits.
        ece: expected calibration error of logits.
    """
    from scipy.optimize import minimize_scalar

    found = minimize_scalar(
        lambda log_t: float(nll(outputs / float(np.exp(log_t)), targets)),
        bounds=(np.log(0.05), np.log(20.0)),
        method="bounded",
    )
    temperature = round(float(np.exp(found.x)), 4)
    before, after = (ece(outputs / t, targets) for t in (1.0, temperature))
    return Calibration(temperature, round(before, 6), round(after, 6))
