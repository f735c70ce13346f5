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
from al.errors import DataError
from al.graphs.dropout import fixed_masks

if TYPE_CHECKING:
    from torchmetrics import Metric

_WEIGHTS = "weights.safetensors"


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

    # -- what a kind of problem says ---------------------------------------------------

    @abstractmethod
    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Mean loss of a batch."""

    @abstractmethod
    def probabilities(self, outputs: torch.Tensor) -> torch.Tensor:
        """Network outputs as probabilities [N, C]."""

    @abstractmethod
    def meters(self) -> dict[str, Metric]:
        """New torchmetrics objects by name; they are fed probabilities and targets."""

    # -- training ----------------------------------------------------------------------

    def to(self, device: torch.device) -> TorchGraph:
        """Move the network; returns itself."""
        self.device = device
        self.network.to(device)
        return self

    def prepare_training(self, *, lr: float, epochs: int) -> None:
        """Adam, its rate falling to zero along half a cosine."""
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=lr)
        self.scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, T_max=epochs)

    def train_batch(self, batch: Batch) -> torch.Tensor:
        """One step of the optimizer; returns the loss, not yet read back from the device."""
        self.network.train()
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss(self.network(self.prepare(batch.inputs)), batch.targets.to(self.device))  # type: ignore[union-attr]
        loss.backward()  # type: ignore[no-untyped-call]
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
            if "samples" in wants:
                drawn = []
                for t in range(samples):
                    with fixed_masks(self.head, seed * samples + t):
                        drawn.append(self.probabilities(self.head(embeddings)))
                found["samples"] = torch.stack(drawn, dim=1)  # [N, T, C]
        return {name: tensor.cpu().numpy() for name, tensor in found.items()}

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
        tensors = {n: t.detach().cpu().contiguous() for n, t in self.network.state_dict().items()}
        save_file(tensors, folder / _WEIGHTS)

    def load_weights(self, folder: Path) -> None:
        try:
            self.network.load_state_dict(load_file(folder / _WEIGHTS))
        except (OSError, SafetensorError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise DataError(
                f"{_WEIGHTS} is missing, damaged or of another network ({reason}): "
                "restore it, or promote a version of this task"
            ) from error

    def state(self) -> dict[str, Any]:
        return {
            "network": dict(self.network.state_dict()),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
