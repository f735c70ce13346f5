"""What customers of a bank want to know."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from al.catalog import tasks
from al.contracts import DataSpec, Graph, Task
from al.data import TextLoader, fetch, texts_given
from al.graphs import text_embedding

URL = "https://raw.githubusercontent.com/PolyAI-LDN/task-specific-datasets/master/banking_data/"
FILES = {
    "train": "b06e26ac675513959a63135f11b94ea7786ed02da65db93a5650d8838cbc664b",
    "test": "d12d6e3bc4c3103966ae786dc435913c0c563dfa328f5a3646d0e62cfeeb474d",
}


@tasks.register("banking77")
class Banking77(Task):
    """10,003 + 3,080 questions to a bank in 77 intents; hashed words, a small embedding.

    Casanueva et al. (2020), Efficient intent detection with dual sentence encoders; CC BY 4.0.
    """

    metric = "macro_f1"

    def data(self) -> TextLoader:
        parts = []
        for split, sha256 in FILES.items():
            rows = pd.read_csv(fetch("banking77", f"{split}.csv", f"{URL}{split}.csv", sha256))
            ids = [f"{split}-{number:05d}" for number in range(len(rows))]
            parts.append(rows.assign(split=split, id=ids))
        frame = pd.concat(parts, ignore_index=True)
        names = frame["id"].tolist()
        return TextLoader(
            frame, "text", "category", place=names.__getitem__, what="banking77", published=True
        )

    def graph(self, spec: DataSpec) -> Graph:
        return text_embedding(spec, ("macro_f1", "accuracy"))

    def inputs(self, spec: DataSpec, given: Any) -> np.ndarray:
        return texts_given(given, spec)
