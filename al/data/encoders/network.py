"""What encoders that are torch networks share."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from al.contracts import Encoder
from al.errors import DataError

#: Samples at a time on a CPU, of images and of texts, and on a GPU. Always as many, filled up where
#: there are fewer: a network's last bits depend on the shape of a batch, not on what else is in it.
UNITS = {"images": 4, "texts": 8, "cuda": 64}


def device() -> str:
    """Where encoders run: on the GPU where there is one."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


class NetworkEncoder(Encoder):
    """Runs a network that is read at the first call, in units of one shape."""

    trains: ClassVar[bool] = True
    _network: Any = None

    @abstractmethod
    def load(self) -> Any:
        """The network in eval mode, on the CPU.

        Raises:
            DataError: its weights are not what the digest says.
        """

    @abstractmethod
    def vectors(self, network: Any, inputs: Any) -> Any:
        """The vectors of a full unit, a tensor [n, D].

        Args:
            inputs: a tensor of what `raw` gives, on the network's device.
        """

    def mapped(self, network: Any, inputs: Any) -> Sequence[Any]:
        """The vectors of a full unit and its maps, the finest first: [n, D], [n, C, S, S] …"""
        raise NotImplementedError

    def raw(self, samples: Any) -> np.ndarray:
        return np.stack(samples)

    def alike(self, samples: Any, unit: int) -> Iterable[tuple[Sequence[int], np.ndarray]]:
        """Rows of samples that make inputs of one shape, at most `unit`, and these inputs."""
        for start in range(0, len(samples), unit):
            rows = range(start, min(start + unit, len(samples)))
            yield rows, self.raw([samples[row] for row in rows])

    def module(self) -> Any:
        from al.data.encoders.reader import Reader

        self.begun()
        return Reader(self, deepcopy(self._network).cpu().float())

    def __call__(self, samples: Any) -> np.ndarray:
        return self._over(samples, self.vectors, self.width)

    def grids(self, samples: Any) -> np.ndarray:
        def flat(network: Any, inputs: Any) -> Any:
            import torch

            return torch.cat([part.flatten(1) for part in self.mapped(network, inputs)], dim=1)

        return self._over(samples, flat, row_of(self.width, self.maps))

    def begun(self) -> str:
        """Read the network, if this is the first call; returns where it runs."""
        where = device()
        if self._network is None:
            self._network = self.load().to(where)
        return where

    def _over(self, samples: Any, make: Callable[[Any, Any], Any], width: int) -> np.ndarray:
        """What is made of each sample, float32 [n, width], unit by unit."""
        import torch

        where = self.begun()
        found = np.empty((len(samples), width), np.float32)
        unit = UNITS["cuda" if where == "cuda" else self.takes]
        with torch.inference_mode():
            for rows, some in self.alike(samples, unit):
                made = make(self._network, filled(some, unit).to(where)).float().cpu().numpy()
                if made.shape[1] != width:
                    raise DataError(
                        f"encoder {self.name} makes {made.shape[1]} numbers where its "
                        f"configuration says {width}: restore it, or give another"
                    )
                found[np.asarray(rows)] = made[: len(some)]
        if not np.isfinite(found).all():
            row = int(np.flatnonzero(~np.isfinite(found).all(axis=1))[0])
            raise DataError(
                f"encoder {self.name} makes values that are not numbers of sample {row + 1} of "
                f"{len(found)}: leave it out, or give another encoder"
            )
        return found


def row_of(width: int, maps: Sequence[tuple[int, int]]) -> int:
    """How many numbers a vector and maps are together."""
    return width + sum(channels * side**2 for channels, side in maps)


def sha256_of(path: Path) -> str:
    """Digest of a file.

    Raises:
        DataError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}): restore it") from error


def filled(inputs: np.ndarray, unit: int) -> Any:
    """A unit of some inputs as a tensor, with the first of them in the places that are left."""
    import torch

    return torch.from_numpy(np.concatenate([inputs, *[inputs[:1]] * (unit - len(inputs))]))


def pixels(images: Any, mean: Any, std: Any) -> Any:
    """A tensor [n, S, S, 3] of 0 to 255 → float32 [n, 3, S, S] less `mean`, by `std`."""
    import torch

    def of_colours(values: Any) -> Any:
        found = torch.as_tensor(values, device=images.device, dtype=torch.float32)
        return found.reshape(1, -1, 1, 1)

    return (images.permute(0, 3, 1, 2).float() - of_colours(mean)) / of_colours(std)


def package_folder(name: str) -> Path:
    """Where an installed package lies; its code is not run."""
    from importlib.util import find_spec

    found = find_spec(name)
    assert found is not None
    assert found.submodule_search_locations is not None  # who asks has checked that it is there
    return Path(found.submodule_search_locations[0])
