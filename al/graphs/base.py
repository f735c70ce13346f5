"""What all torch Graphs share: training step, evaluation, inference, weights, state."""

from __future__ import annotations

from abc import abstractmethod
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from al.contracts import Batch, DataSpec, Graph
from al.errors import DataError, StrategyError
from al.graphs.dropout import fixed_masks

if TYPE_CHECKING:
    from torchmetrics import Metric

_WEIGHTS = "weights.safetensors"
_LOSSES = "losses."


class TorchGraph(Graph):
    """A torch network in two parts, with optimizer, scheduler and loss.

    Args:
        trunk: raw inputs as floats → embeddings [N, D]; deterministic in eval mode.
        head: embeddings → outputs; the stochastic part, where dropout belongs: Monte Carlo
            dropout runs the trunk once and repeats the head alone.
        spec: of the data.
        scale: raw inputs are divided by this first.
    """

    optimizer: torch.optim.Optimizer
    scheduler: torch.optim.lr_scheduler.LRScheduler

    def __init__(
        self, trunk: nn.Module, head: nn.Module, spec: DataSpec, *, scale: float = 1.0
    ) -> None:
        self.trunk, self.head = trunk, head
        self.network = nn.Sequential(OrderedDict(trunk=trunk, head=head))
        self.spec = spec
        self.scale = scale
        self.device = torch.device("cpu")
        self.loss_head: nn.Module | None = None

    # -- what a kind of problem says ---------------------------------------------------

    @abstractmethod
    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Mean loss of a batch."""

    def losses(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """The loss of each sample, [N]; a kind of problem that has it can learn to predict it."""
        raise NotImplementedError

    @abstractmethod
    def probabilities(self, outputs: torch.Tensor) -> torch.Tensor:
        """Network outputs as probabilities [N, C]."""

    @abstractmethod
    def meters(self) -> dict[str, Metric]:
        """New torchmetrics objects by name; they are fed probabilities and targets."""

    # -- training ----------------------------------------------------------------------

    def learn_losses(self) -> None:
        """Add a head that learns to predict the loss from the embedding."""
        if type(self).losses is TorchGraph.losses:
            raise NotImplementedError
        self.network.eval()
        with torch.inference_mode():
            one = torch.zeros(1, *self.spec.input_shape)
            width = self.trunk(one / self.scale).flatten(1).shape[1]
        self.loss_head = nn.Sequential(nn.Linear(width, 64), nn.ReLU(), nn.Linear(64, 1))

    def to(self, device: torch.device) -> TorchGraph:
        """Move the network; returns itself."""
        self.device = device
        for module in self._modules():
            module.to(device)
        return self

    def _modules(self) -> list[nn.Module]:
        return [self.network] if self.loss_head is None else [self.network, self.loss_head]

    def prepare_training(self, *, lr: float, epochs: int) -> None:
        """Adam, its rate falling to zero along half a cosine."""
        parameters = [p for module in self._modules() for p in module.parameters()]
        self.optimizer = torch.optim.Adam(parameters, lr=lr)
        self.scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, T_max=epochs)

    def train_batch(self, batch: Batch) -> torch.Tensor:
        """One step of the optimizer; returns the loss, not yet read back from the device."""
        self.network.train()
        self.optimizer.zero_grad(set_to_none=True)
        targets = batch.targets.to(self.device)  # type: ignore[union-attr]
        embeddings = self.trunk(self.prepare(batch.inputs))
        outputs = self.head(embeddings)
        loss = self.loss(outputs, targets)
        if self.loss_head is None:
            loss.backward()  # type: ignore[no-untyped-call]
        else:
            guessed = self.loss_head(embeddings.detach().flatten(1)).squeeze(1)
            found = self.losses(outputs, targets).detach()
            (loss + _ranking_loss(guessed, found)).backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return loss.detach()

    def evaluate(self, batches: Iterable[Batch]) -> dict[str, float]:
        meters = {name: meter.to(self.device) for name, meter in self.meters().items()}
        total, count = 0.0, 0
        self.network.eval()
        with torch.inference_mode():
            for batch in batches:
                outputs = self.network(self.prepare(batch.inputs))
                targets = batch.targets.to(self.device)  # type: ignore[union-attr]
                total += float(self.loss(outputs, targets)) * len(batch.ids)
                count += len(batch.ids)
                probabilities = self.probabilities(outputs)
                for meter in meters.values():
                    meter.update(probabilities, targets)
        values = {name: float(meter.compute()) for name, meter in meters.items()}
        values["loss"] = total / max(count, 1)
        return {name: round(value, 6) for name, value in values.items()}  # float32 has no more

    # -- inference ---------------------------------------------------------------------

    def prepare(self, inputs: torch.Tensor) -> torch.Tensor:
        """Raw inputs as scaled floats on the device."""
        return inputs.to(self.device).float() / self.scale

    def infer(
        self, batch: Batch, wants: Sequence[str], *, samples: int = 20, seed: int = 0
    ) -> dict[str, np.ndarray]:
        found: dict[str, torch.Tensor] = {}
        self.network.eval()
        with torch.inference_mode():
            embeddings = self.trunk(self.prepare(batch.inputs)).flatten(1)  # [N, D]
            if "embeddings" in wants:
                found["embeddings"] = embeddings
            if "probabilities" in wants:
                found["probabilities"] = self.probabilities(self.head(embeddings))
            if "losses" in wants:
                found["losses"] = self._guess_losses(embeddings)
            if "samples" in wants:
                drawn = []
                for t in range(samples):
                    with fixed_masks(self.head, seed * samples + t):
                        drawn.append(self.probabilities(self.head(embeddings)))
                found["samples"] = torch.stack(drawn, dim=1)  # [N, T, C]
        return {name: tensor.cpu().numpy() for name, tensor in found.items()}

    def _guess_losses(self, embeddings: torch.Tensor) -> torch.Tensor:
        if self.loss_head is None:
            raise StrategyError(
                "this version has not learned to predict its loss: it was trained by a campaign "
                "with another strategy; choose that, or promote a version of this campaign"
            )
        return self.loss_head(embeddings).squeeze(1)

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        self.network.eval()
        with torch.inference_mode():
            parts = [
                self.probabilities(self.network(self.prepare(torch.from_numpy(part)))).cpu().numpy()
                for part in np.array_split(inputs, max(1, len(inputs) // 512))
            ]
        return np.concatenate(parts)

    # -- weights and state ---------------------------------------------------------------

    def save_weights(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        tensors = {n: t.detach().cpu().contiguous() for n, t in self._tensors().items()}
        save_file(tensors, folder / _WEIGHTS)

    def load_weights(self, folder: Path) -> None:
        try:
            tensors = load_file(folder / _WEIGHTS)
            self._take(tensors)
        except (OSError, SafetensorError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise DataError(
                f"{_WEIGHTS} is missing, damaged or of another network ({reason}): "
                "restore it, or promote a version of this task"
            ) from error

    def start_from(self, other: Graph, *, keep: float, fresh: float) -> None:
        """Parameters are mixed; other numbers, like running means, are taken over.

        keep = 1, fresh = 0 is a warm start. Ash and Adams (2020), On warm-starting neural
        network training: θ ← λ θ + noise keeps its speed and loses its worse generalisation.
        Their noise is normal; here it is a fresh initialisation, whose scale fits each layer.
        """
        assert isinstance(other, TorchGraph)
        theirs = other._tensors()
        parameters = dict(self.network.named_parameters())
        with torch.no_grad():
            for name, mine in self._tensors().items():
                if name not in theirs:  # a head that the other one did not have
                    continue
                if name in parameters or name.startswith(_LOSSES):
                    mine.copy_(fresh * mine + keep * theirs[name].to(mine.device))
                else:
                    mine.copy_(theirs[name])

    def state(self) -> dict[str, Any]:
        return {
            "network": self._tensors(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self._take(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])

    def _tensors(self) -> dict[str, torch.Tensor]:
        """All weights by name; those of the head that predicts losses under `losses.`."""
        named = dict(self.network.state_dict())
        if self.loss_head is not None:
            named |= {f"{_LOSSES}{n}": t for n, t in self.loss_head.state_dict().items()}
        return named

    def _take(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Take over weights; a head that either side lacks stays away."""
        heads = {n: t for n, t in tensors.items() if n.startswith(_LOSSES)}
        self.network.load_state_dict({n: t for n, t in tensors.items() if n not in heads})
        if self.loss_head is not None and not heads:
            self.loss_head = None
        elif self.loss_head is not None:
            self.loss_head.load_state_dict({n.removeprefix(_LOSSES): t for n, t in heads.items()})


def _ranking_loss(guessed: torch.Tensor, found: torch.Tensor) -> torch.Tensor:
    """How wrongly the predicted losses of pairs in a batch are ordered, with margin 1.

    mean over pairs of max(0, 1 − sign(ℓ_i − ℓ_j)(ℓ̂_i − ℓ̂_j)); Yoo and Kweon (2019), Learning
    loss for active learning. The first half of the batch is paired with the second.
    """
    half = len(found) // 2
    if not half:
        return guessed.sum() * 0.0
    order = torch.sign(found[:half] - found[half : 2 * half])
    apart = guessed[:half] - guessed[half : 2 * half]
    return (1.0 - order * apart).clamp(min=0.0).mean()
