"""MNIST: handwritten digits."""

from __future__ import annotations

from torch import nn

from al.catalog import tasks
from al.contracts import DataSpec, Task
from al.data import ArrayLoader, idx_data
from al.graphs import AUGMENTS, ClassificationGraph

URL = "https://ossci-datasets.s3.amazonaws.com/mnist/"
FILES = {
    "train-images-idx3-ubyte.gz": (
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
    ),
    "train-labels-idx1-ubyte.gz": (
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
    ),
    "t10k-images-idx3-ubyte.gz": (
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
    ),
    "t10k-labels-idx1-ubyte.gz": (
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"
    ),
}


@tasks.register("mnist")
class Mnist(Task):
    """60,000 + 10,000 images of digits, 28 × 28 grey; the CNN of BatchBALD with dropout.

    LeCun, Cortes and Burges (1998); CC BY-SA 3.0. The network is that of Kirsch, van Amersfoort
    and Gal (2019), BatchBALD: two convolutions of 32 and 64 kernels 5 × 5, each with dropout 0.5
    of whole channels and pooling, then 128 units with dropout 0.5. As published, nothing is
    augmented, and an epoch has many steps however few labels there are. Stochastic passes
    repeat the dropout after the second convolution and after the units; that after the first one
    is for training alone, as the pass over the pool would cost 20 times as much.
    """

    metric = "accuracy"

    def __init__(self, augment: str = "off") -> None:
        self._augment = augment

    def data(self) -> ArrayLoader:
        return idx_data("mnist", URL, FILES, list("0123456789"))

    def graph(self, spec: DataSpec) -> ClassificationGraph:
        trunk = nn.Sequential(
            nn.Unflatten(1, (1, 28)),
            nn.Conv2d(1, 32, 5), nn.MaxPool2d(2), nn.ReLU(), nn.Dropout2d(0.5),
            nn.Conv2d(32, 64, 5), nn.MaxPool2d(2), nn.ReLU(),
        )  # fmt: skip
        head = nn.Sequential(
            nn.Dropout2d(0.5), nn.Flatten(),
            nn.Linear(64 * 4 * 4, 128), nn.ReLU(), nn.Dropout(0.5),
            nn.Linear(128, len(spec.classes)),
        )  # fmt: skip
        graph = ClassificationGraph(trunk, head, spec, scale=255.0)
        graph.epoch_samples = 256
        graph.augment = AUGMENTS[self._augment]
        return graph
