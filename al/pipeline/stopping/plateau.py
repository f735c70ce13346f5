"""Stop rule plateau: more labels bring no more."""

from __future__ import annotations

import math

from al.catalog import stop_rules
from al.pipeline.stopping.rule import Standing, StopRule


@stop_rules.register("plateau")
class Plateau(StopRule):
    """`plateau=3` cycles brought no gain above the standard error of validation.

    gain = best of the last k − best before them; noise = √(p (1 − p) / n), the standard error
    of the best value p before on n validation samples, for metrics from 0 to 1; 0 for others
    and where less is better. Cycles before validation's labels were changed in the data do not
    count: their figures are of other labels.

    With `validation=folds`, where each champion is judged by other labels than the one before,
    gain is the sum of what the last k elections measured on the labels that both sides share,
    p the value k cycles ago and n all labels.
    """

    def why(self, standing: Standing) -> str:
        cycles, sign = standing.config.plateau, -1 if standing.lower else 1
        values = [sign * value for value in standing.on_same_labels(f"val_{standing.metric}")]
        if not cycles or len(values) <= cycles:
            return ""
        if standing.config.by_folds:
            gains = standing.on_same_labels(f"gain_{standing.metric}")[-cycles:]
            if len(gains) < cycles:
                return ""
            before = values[-cycles - 1]
            after = before + sign * sum(gains)
        else:
            before, after = max(values[:-cycles]), max(values[-cycles:])
        share = 0 <= before <= 1
        noise = math.sqrt(before * (1 - before) / standing.validation) if share else 0.0
        if after - before > noise:
            return ""
        return (
            f"plateau={cycles}: the last {cycles} cycles gained {after - before:+.4f} on "
            f"validation, which is within the noise of {noise:.4f}"
        )
