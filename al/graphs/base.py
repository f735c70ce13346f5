"""What all torch Graphs share: training step, evaluation, inference, weights, state."""

from __future__ import annotations

from abc import abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from al.contracts import Batch, Calibration, DataSpec, Graph
from al.errors import StrategyError
from al.graphs import calibration, loss_head, weights
from al.graphs.comparing import Compared
from al.graphs.dropout import fixed_masks
from al.graphs.layout import PIECE, channels_last
from al.graphs.measured import MeasuredGraph
from al.kinds import Trait, kind_of


class TorchGraph(MeasuredGraph):
    """A torch network in two parts, with optimizer, scheduler and loss.

    Args:
        trunk: raw inputs as floats → embeddings [N, D]; deterministic in eval mode.
        head: embeddings → outputs; the stochastic part, where dropout belongs: Monte Carlo
            dropout runs the trunk once and repeats the head alone.
        spec: of the data.
        scale: raw inputs are divided by this first.
    """

    optimizer: torch.optim.Optimizer
    #: None where the learning rate stays as it is.
    scheduler: torch.optim.lr_scheduler.LRScheduler | None = None
    #: Samples that are inferred and evaluated at a time; 0 for a whole batch.
    piece: int = 0
    #: What happens to prepared inputs before each step of training; None for nothing.
    augment: Callable[[torch.Tensor], torch.Tensor] | None = None
    #: Samples that an epoch of training goes through at least: it repeats the labels where they
    #: are fewer, as a network takes its number of steps to learn, however few they are.
    epoch_samples: int = 0
    #: How much a sample of each class counts in training, [C]; None for all alike.
    class_weights: torch.Tensor | None = None
    #: What logits are divided by in `infer`; see `calibrate`.
    temperature = 1.0

    def __init__(
        self, trunk: nn.Module, head: nn.Module, spec: DataSpec, *, scale: float = 1.0
    ) -> None:
        self.trunk, self.head = trunk, head
        self.network = nn.Sequential(OrderedDict(trunk=trunk, head=head))
        self._in_pieces = channels_last(self.network)
        self.spec = spec
        self.scale = scale
        self.device = torch.device("cpu")
        self.loss_head: nn.Module | None = None

    # -- what a kind of problem says ---------------------------------------------------

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Mean loss of a batch."""
        return self.losses(outputs, targets).mean()

    def training_loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """What a step of training lowers: the loss, with each sample weighed by its class."""
        if self.class_weights is None:
            return self.loss(outputs, targets)
        return self.each_loss(outputs, targets).mean()

    def each_loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """The loss of each sample, [N], with classes weighed where they are."""
        if self.class_weights is None:
            return self.losses(outputs, targets)
        return self.weighed(outputs, targets, self.class_weights.to(outputs.device))

    def weighed(
        self, outputs: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor
    ) -> torch.Tensor:
        """The loss of each sample, [N], with classes weighed; by default a sample is of one."""
        return weights.to(outputs.dtype)[targets] * self.losses(outputs, targets)

    def weigh(self, weights: np.ndarray) -> None:
        of_one = Trait.CLASSES in kind_of(self.spec).traits
        if (not of_one and self._over("losses", "weighed")) or self._over("loss", "losses"):
            raise NotImplementedError  # a loss of its own that is not known for each sample
        self.class_weights = torch.as_tensor(weights, dtype=torch.float32)

    def _over(self, one: str, other: str) -> bool:
        """Whether a subclass has a method of its own over the class that the other one is of."""
        first, second = (
            next(n for n, cls in enumerate(type(self).__mro__) if name in vars(cls))
            for name in (one, other)
        )
        return first < second

    def losses(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """The loss of each sample, [N]; a kind of problem that has it can learn to predict it."""
        raise NotImplementedError

    @abstractmethod
    def probabilities(self, outputs: torch.Tensor) -> torch.Tensor:
        """Network outputs as probabilities [N, C]; see `al.contracts` for what they mean."""

    def answers(self, outputs: torch.Tensor) -> torch.Tensor:
        """Network outputs as meters take them, one row a sample; probabilities by default."""
        return self.probabilities(outputs)

    def embed(self, features: torch.Tensor) -> torch.Tensor:
        """What the trunk makes of samples, as one vector each, [N, D]."""
        return features.flatten(1)

    def nll(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Mean negative log likelihood of logits; with it and `ece` a graph `calibrates`."""
        raise NotImplementedError

    def ece(self, outputs: torch.Tensor, targets: torch.Tensor) -> float:
        """Expected calibration error of logits: Σ_bins share · |right − sure|, 15 bins."""
        raise NotImplementedError

    # -- training ----------------------------------------------------------------------

    def learn_losses(self) -> None:
        """Add a head that learns to predict the loss from the embedding."""
        if type(self).losses is TorchGraph.losses:
            raise NotImplementedError
        self.network.eval()
        with torch.inference_mode():
            one = torch.zeros(1, *self.spec.input_shape)
            width = self.embed(self.trunk(one / self.scale)).shape[1]
        self.loss_head = loss_head.new_head(width)

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
        """One step of the optimizer; returns the loss, not yet read back from the device.

        A batch of one has no variance: batch normalisation goes by its running figures there.
        """
        self.network.train()
        if len(batch.ids) == 1:
            for layer in self._normalising():
                layer.eval()
        self.optimizer.zero_grad(set_to_none=True)
        targets = batch.targets.to(self.device)  # type: ignore[union-attr]
        inputs = self.prepare(batch.inputs)
        features = self.trunk(inputs if self.augment is None else self.augment(inputs))
        outputs = self.head(features)
        loss = self.training_loss(outputs, targets)
        if self.loss_head is None:
            loss.backward()  # type: ignore[no-untyped-call]
        else:
            guessed = self.loss_head(self.embed(features).detach()).squeeze(1)
            found = self.losses(outputs, targets).detach()
            (loss + loss_head.ranking_loss(guessed, found)).backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return loss.detach()

    @property
    def indivisible(self) -> str:
        """Why the gradient of a batch is not the mean of its samples', as a clause; "" where it
        is, so that processes can share batches."""
        if any(self._normalising()):
            return "its network normalises over batches, as GroupNorm does not"
        if self.loss_head is not None:
            return "it learns to predict losses from pairs of samples in a batch"
        if type(self).train_batch is not TorchGraph.train_batch or self._over(
            "training_loss", "losses"
        ):
            return "its step of training is its own"
        return "its loss is not known for each sample" if self._over("loss", "losses") else ""

    def batch_size(self, wanted: int, samples: int) -> int:
        """The size of batches of an epoch: the one wanted, or, where the network normalises over
        batches, the next one from 2 upwards that leaves no batch of one."""
        if samples > 1 and any(self._normalising()):
            wanted = max(wanted, 2)
            while samples % wanted == 1:
                wanted += 1
        return wanted

    def _normalising(self) -> Iterator[nn.Module]:
        return (layer for layer in self.network.modules() if isinstance(layer, _BatchNorm))

    def compared(self, batches: Iterable[Batch]) -> Iterator[Compared]:
        for outputs, targets in self._run(batches):
            loss = float(self.loss(outputs, targets))
            yield Compared(self.answers(outputs).cpu().numpy(), targets.cpu().numpy(), loss)

    def _run(self, batches: Iterable[Batch]) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Outputs beside targets, a piece at a time."""
        self.network.eval()
        with torch.inference_mode():
            for batch in batches:
                for rows in self._pieces(len(batch.ids)):
                    targets = batch.targets[rows].to(self.device)  # type: ignore[index]
                    yield self.network(self.prepare(batch.inputs[rows])), targets

    @property
    def _cached(self) -> int:
        """Samples whose activations stay in a processor's cache; 0 where that does not matter."""
        return PIECE if self._in_pieces and self.device.type == "cpu" else 0

    def _pieces(self, count: int, most: int = 0) -> Iterator[slice]:
        size = self.piece or most or max(count, 1)
        return (slice(start, start + size) for start in range(0, count, size))

    def logits(self, batches: Iterable[Batch]) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        if not self.calibrates:
            raise NotImplementedError
        return self._run(batches)

    def calibrated(self, parts: Iterable[tuple[torch.Tensor, torch.Tensor]]) -> Calibration:
        outputs, targets = (torch.cat(found) for found in zip(*parts, strict=True))
        return calibration.fitted(outputs, targets, self.nll, self.ece)

    def scaled(self, temperature: float) -> TorchGraph:
        if not self.calibrates:
            raise NotImplementedError
        found = copy(self)
        found.temperature = temperature
        return found

    # -- inference ---------------------------------------------------------------------

    def prepare(self, inputs: torch.Tensor) -> torch.Tensor:
        """Raw inputs as scaled floats on the device."""
        return inputs.to(self.device).float() / self.scale

    def outputs(self, features: torch.Tensor) -> torch.Tensor:
        """What the head makes of features, as `infer` uses it: divided by the temperature."""
        found: torch.Tensor = self.head(features)
        if found.dtype == torch.bfloat16:  # what is made of them takes more digits
            found = found.float()
        return found if self.temperature == 1.0 else self.tempered(found, self.temperature)

    def tempered(self, outputs: torch.Tensor, temperature: float) -> torch.Tensor:
        """Outputs with their logits divided; by default they are nothing but logits."""
        return outputs / temperature

    def drawn(self, features: torch.Tensor, samples: int, seed: int) -> Iterator[torch.Tensor]:
        """The outputs of stochastic passes of the head, one after the other."""
        for t in range(samples):
            with fixed_masks(self.head, seed * samples + t):
                yield self.outputs(features)

    def infer(
        self, batch: Batch, wants: Sequence[str], *, samples: int = 20, seed: int = 0
    ) -> dict[str, np.ndarray]:
        parts = []
        self.network.eval()
        with torch.inference_mode():
            for rows in self._pieces(len(batch.ids), self._cached):
                features = self.trunk(self.prepare(batch.inputs[rows]))
                parts.append(self._inferred(features, wants, samples, seed))
        if len(parts) == 1:
            return parts[0]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _inferred(
        self, features: torch.Tensor, wants: Sequence[str], samples: int, seed: int
    ) -> dict[str, np.ndarray]:
        """What is wanted of a piece of a batch."""
        found: dict[str, torch.Tensor] = {}
        if "embeddings" in wants:
            found["embeddings"] = self.embed(features)
        if "probabilities" in wants:
            found["probabilities"] = self.probabilities(self.outputs(features))
        if "losses" in wants:
            found["losses"] = self._guess_losses(self.embed(features))
        if "samples" in wants:
            passes = [self.probabilities(o) for o in self.drawn(features, samples, seed)]
            found["samples"] = torch.stack(passes, dim=1)  # [N, T, C]
        return {name: tensor.float().cpu().numpy() for name, tensor in found.items()}

    def _guess_losses(self, embeddings: torch.Tensor) -> torch.Tensor:
        if self.loss_head is None:
            raise StrategyError(
                "this version has not learned to predict its loss: it was trained by a campaign "
                "with another strategy; choose that, or promote a version of this campaign"
            )
        return self.loss_head(embeddings).squeeze(1)

    def predict(self, inputs: np.ndarray) -> Any:
        self.network.eval()
        with torch.inference_mode():
            parts = [
                self.probabilities(self.network(self.prepare(torch.from_numpy(part)))).cpu().numpy()
                for part in np.array_split(inputs, max(1, len(inputs) // (self.piece or 512)))
            ]
        return np.concatenate(parts)

    def answered(self, inputs: Any) -> list[np.ndarray]:
        """The answers to raw inputs, [n, …] for each piece of them."""
        found = []
        self.network.eval()
        with torch.inference_mode():
            for rows in self._pieces(len(inputs)):
                outputs = self.network(self.prepare(torch.as_tensor(inputs[rows])))
                found.append(self.answers(outputs).cpu().numpy())
        return found

    # -- weights and state ---------------------------------------------------------------

    def save_weights(self, folder: Path) -> None:
        weights.write(folder, self._tensors())

    def load_weights(self, folder: Path) -> None:
        weights.read_into(self._take, folder)

    def snapshot(self) -> dict[str, torch.Tensor]:
        return {name: tensor.detach().clone() for name, tensor in self._tensors().items()}

    def put_back(self, snapshot: Mapping[str, torch.Tensor]) -> None:
        self._take(snapshot)

    def start_from(self, other: Graph, *, keep: float, fresh: float) -> None:
        assert isinstance(other, TorchGraph)
        mine = self._tensors()
        named = self.network.named_parameters(remove_duplicate=False)
        learned = dict(named).keys() | {name for name in mine if name.startswith(loss_head.PREFIX)}
        weights.mix(mine, other._tensors(), learned, keep=keep, fresh=fresh)

    def state(self) -> dict[str, Any]:
        found = {"network": self._tensors(), "optimizer": self.optimizer.state_dict()}
        return found if self.scheduler is None else {
            **found, "scheduler": self.scheduler.state_dict()
        }  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        self._take(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.scheduler is not None:
            self.scheduler.load_state_dict(state["scheduler"])

    def _tensors(self) -> dict[str, torch.Tensor]:
        """All weights by name; those of the head that predicts losses under `losses.`."""
        named = dict(self.network.state_dict())
        if self.loss_head is not None:
            named |= {f"{loss_head.PREFIX}{n}": t for n, t in self.loss_head.state_dict().items()}
        return named

    def _take(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Take over weights; a head that either side lacks stays away."""
        heads = {n: t for n, t in tensors.items() if n.startswith(loss_head.PREFIX)}
        self.network.load_state_dict({n: t for n, t in tensors.items() if n not in heads})
        if self.loss_head is not None and not heads:
            self.loss_head = None
        elif self.loss_head is not None:
            self.loss_head.load_state_dict(
                {n.removeprefix(loss_head.PREFIX): t for n, t in heads.items()}
            )
