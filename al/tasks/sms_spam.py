"""Short messages, some of which are spam."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from al.catalog import tasks
from al.contracts import DataSpec, Graph, Task
from al.data import TextLoader, fetch, read_text, texts_given
from al.graphs import text_embedding

URL = "https://archive.ics.uci.edu/ml/machine-learning-databases/00228/smsspamcollection.zip"
SHA256 = "7d039a24a6083ed9ef0f806ebad56bbb976e3aeb8de05669173bfdc4996c239d"


@tasks.register("sms-spam")
class SmsSpam(Task):
    """5,574 short messages, 13 % spam, 403 copies; hashed words, a small embedding.

    Almeida and Hidalgo (2011), SMS Spam Collection, UCI Machine Learning Repository; CC BY 4.0.
    There is no official test split: it is drawn, with copies on one side.
    """

    metric = "average_precision"

    def data(self) -> TextLoader:
        path = fetch("sms-spam", "SMSSpamCollection", URL, SHA256)
        lines = [line.split("\t", 1) for line in read_text(path).splitlines()]
        frame = pd.DataFrame(lines, columns=["label", "text"])
        frame["id"] = [f"sms-{number:04d}" for number in range(len(frame))]
        names = frame["id"].tolist()
        return TextLoader(
            frame, "text", "label", place=names.__getitem__, what="sms-spam", published=True
        )

    def graph(self, spec: DataSpec) -> Graph:
        return text_embedding(spec, ("average_precision", "f1", "accuracy"))

    def inputs(self, spec: DataSpec, given: Any) -> np.ndarray:
        return texts_given(given, spec)
