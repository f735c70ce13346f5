"""Fashion-MNIST: photographs of clothes."""

from __future__ import annotations

from torch import nn

from al.catalog import tasks
from al.contracts import DataSpec, Task
from al.data import ArrayLoader, idx_data
from al.graphs import AUGMENTS, ClassificationGraph

CLASSES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
URL = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
FILES = {
    "train-images-idx3-ubyte.gz": (
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"
    ),
    "train-labels-idx1-ubyte.gz": (
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"
    ),
    "t10k-images-idx3-ubyte.gz": (
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"
    ),
    "t10k-labels-idx1-ubyte.gz": (
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"
    ),
}


@tasks.register("fashion-mnist")
class FashionMnist(Task):
    """60,000 + 10,000 images of clothes in 10 classes, 28 × 28 grey; a small CNN.

    Xiao, Rasul and Vollgraf (2017), Fashion-MNIST; MIT licence.
    """

    metric = "accuracy"

    def __init__(self, augment: str = "off") -> None:
        self._augment = augment

    def data(self) -> ArrayLoader:
        return idx_data("fashion-mnist", URL, FILES, CLASSES)

    def graph(self, spec: DataSpec) -> ClassificationGraph:
        trunk = nn.Sequential(
            nn.Unflatten(1, (1, 28)),
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(32 * 7 * 7, 128), nn.ReLU(),
        )  # fmt: skip
        head = nn.Sequential(nn.Dropout(0.5), nn.Linear(128, len(spec.classes)))
        graph = ClassificationGraph(trunk, head, spec, scale=255.0)
        graph.augment = AUGMENTS[self._augment]
        return graph
