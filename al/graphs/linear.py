"""Heads on the vectors of a pretrained encoder: a linear one that is fitted, or a small network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.nn.functional import layer_norm

from al.contracts import DataSpec
from al.errors import ConfigError
from al.graphs import loss_head
from al.graphs.base import TorchGraph
from al.graphs.classification import ClassificationGraph
from al.graphs.multilabel import MultiLabelGraph
from al.graphs.regression import RegressionGraph
from al.kinds import kind_of

#: C of the linear head times the width of the vectors, whose squared length is that width after
#: they are normalised: loss summed + ‖W‖² / 2C. Of C from 0.01 to 10 the best one gains .005 of
#: accuracy at most on photographs and on texts (docs/encoders.md), so no label is spent on it.
STRENGTH = 128.0
#: Share of the inputs that a stochastic pass of the linear head leaves out.
DROPPED = 0.2
#: Samples that an encoder reads at a time where it is a part of the graph.
AT_ONCE = 64
#: Steps of the head that learns to predict losses.
LOSS_STEPS = 200


def head_on(
    spec: DataSpec,
    head: str = "linear",
    measures: Sequence[str] = (),
    reader: nn.Module | None = None,
) -> TorchGraph:
    """The head that learns from vectors [N, D], for classes, labels or a number.

    Each vector is normalised on its own, to mean 0 and variance 1, so that nothing is to be
    estimated from few labels.

    Args:
        head: "linear", which `al.agents.HeadAgent` fits, or "mlp", which is trained by batches.
        measures: metrics of classes; accuracy by default.
        reader: makes the vectors of the samples themselves, where it is trained with the head.

    Raises:
        ConfigError: labels are masks or boxes, which one vector says nothing of.
    """
    width = spec.details["encoder"]["width"] if reader else spec.input_shape[0]
    form = kind_of(spec).form
    if form not in ("choice", "choices", "value"):
        raise ConfigError(
            f"a head on one vector a sample has no {form} to give: leave the encoder out"
        )
    number = form == "value"
    count = 2 if number else len(spec.classes)
    trunk: nn.Module = nn.LayerNorm(width, elementwise_affine=False)
    if head == "linear":
        last = nn.Linear(width, count)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        top = nn.Sequential(nn.Dropout(DROPPED), last)
    else:
        trunk = nn.Sequential(trunk, nn.Linear(width, 256), nn.ReLU())
        top = nn.Sequential(nn.Dropout(0.5), nn.Linear(256, count))
    trunk = nn.Sequential(reader, trunk) if reader else trunk
    graph: TorchGraph
    if number:
        middle, unit = spec.details.get("middle", 0.0), spec.details.get("unit", 1.0)
        graph = RegressionGraph(trunk, top, spec, middle=middle, unit=unit)
    elif form == "choices":
        graph = MultiLabelGraph(trunk, top, spec)
    else:
        graph = ClassificationGraph(trunk, top, spec, measures=measures or ("accuracy",))
    graph.piece = AT_ONCE if reader else 0
    return graph


def normalised(vectors: torch.Tensor) -> torch.Tensor:
    """Vectors as the linear head takes them, each to mean 0 and variance 1."""
    return layer_norm(vectors, vectors.shape[1:])


def fit_head(
    graph: TorchGraph, features: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor
) -> None:
    """Fit the linear layer of a head to all samples at once; what comes out is the only optimum.

    Of classes and labels: min over W, b of Σ_n w_n ℓ_n + ‖W‖² / 2C. Of a number: see `_ridge`.

    Args:
        features: what the trunk makes of them, [N, D].
        weights: how often each sample counts, [N].
    """
    x = features.double().cpu()
    targets, weights = targets.cpu(), weights.double()
    layer = graph.head[-1]  # type: ignore[index]
    assert isinstance(layer, nn.Linear)
    middle = (weights[:, None] * x).sum(0) / weights.sum()
    if isinstance(graph, RegressionGraph):
        numbers = (targets.double() - graph.middle) / graph.unit
        slope, offset = _ridge(x - middle, numbers, weights)
    else:
        slope, offset = _logistic(graph, x - middle, targets, weights, layer.out_features)
    with torch.no_grad():
        layer.weight.copy_(slope)
        layer.bias.copy_(offset - slope @ middle)


def _logistic(
    graph: TorchGraph, x: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor, count: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """W [C, D] and b [C] on centred vectors, by L-BFGS from zero."""
    from scipy.optimize import minimize  # late: a served version fits nothing

    shrink, turned = x.shape[1] / (2 * STRENGTH), None
    if len(x) < x.shape[1]:  # W lies in the span of the samples, so it is sought there
        u, s, turned = torch.linalg.svd(x, full_matrices=False)
        x = u * s
    size = count * x.shape[1]
    several = targets.shape[1] if targets.ndim > 1 else 1  # a mean over labels, as a sum

    def objective(flat: Any) -> tuple[float, Any]:
        at = torch.from_numpy(flat.copy()).requires_grad_()
        w, b = at[:size].view(count, -1), at[size:]
        each = graph.each_loss(x @ w.T + b, targets)
        loss = ((weights * each).sum() * several + shrink * w.square().sum()) / weights.sum()
        loss.backward()  # type: ignore[no-untyped-call]
        assert at.grad is not None
        return float(loss.detach()), at.grad.numpy()

    options = {"maxiter": 5000, "maxfun": 10000, "maxcor": 20, "gtol": 1e-5, "ftol": 1e-12}
    start = torch.zeros(size + count, dtype=torch.float64).numpy()
    found = torch.from_numpy(
        minimize(objective, start, jac=True, method="L-BFGS-B", options=options).x
    )
    w, b = found[:size].view(count, -1), found[size:]
    return w if turned is None else w @ turned, b


def _ridge(
    x: torch.Tensor, y: torch.Tensor, weights: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Ridge regression; strength and variance from leaving out one label after the other.

    With X, y centred, the hat matrix H = X (XᵀX + λI)⁻¹ Xᵀ + 1/N gives the residual of sample n
    by a model without it as e_n / (1 − H_nn) (Allen 1974, PRESS). λ is where their mean square is
    least, and that is the variance of every prediction.

    Returns:
        Slopes [2, D] and offsets [2], of the mean and of the logarithm of the variance.
    """
    root, middle = weights.sqrt(), (weights * y).sum() / weights.sum()
    u, s, vt = torch.linalg.svd(root[:, None] * x, full_matrices=False)
    target = root * (y - middle)
    along = u.T @ target
    found = []
    for strength in x.shape[1] * torch.logspace(-3, 4, 22, dtype=torch.float64):
        share = s**2 / (s**2 + strength)
        hat = u**2 @ share + weights / weights.sum()
        left = (target - u @ (share * along)) / (1.0 - hat).clamp(min=1e-6)
        found.append((float(left.square().sum() / weights.sum()), float(strength)))
    error, strength = min(found)
    slope = vt.T @ (s / (s**2 + strength) * along)
    offset = torch.stack([middle, torch.tensor(max(error, 1e-12), dtype=torch.float64).log()])
    return torch.stack([slope, torch.zeros_like(slope)]), offset


def fit_losses(graph: TorchGraph, features: torch.Tensor, targets: torch.Tensor, seed: int) -> None:
    """Train the head that predicts the loss, on what the fitted head gets wrong."""
    head = graph.loss_head
    assert head is not None
    with torch.no_grad():
        losses = graph.losses(graph.head(features), targets.to(features.device))
    draw = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(head.parameters(), lr=1e-3)
    for _ in range(LOSS_STEPS):
        order = torch.randperm(len(losses), generator=draw).to(losses.device)
        optimizer.zero_grad()
        guessed = head(graph.embed(features[order])).squeeze(1)
        loss_head.ranking_loss(guessed, losses[order]).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
