"""Stop rule stable: the champions' predictions hardly change any more."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import TYPE_CHECKING

from al.catalog import stop_rules
from al.errors import ConfigError
from al.kinds import Trait
from al.pipeline.stopping.rule import Standing, StopRule

if TYPE_CHECKING:
    from al.pipeline.cycle import Cycle
    from al.state import State

#: Size of the stop set, whose predictions are watched.
STOP_SET = 2000
#: Comparisons that are averaged.
WINDOW = 3


@stop_rules.register("stable")
class Stable(StopRule):
    """Successive champions agree: `stable=0.99`, Cohen's kappa on 2,000 samples, of the last 3.

    Bloodgood and Vijay-Shanker (2009), A method for stopping active learning based on
    stabilizing predictions: some 2,000 samples that need no labels; active learning stops when
    Cohen's kappa between successive models' predictions averages 0.99 over three.
    """

    def why(self, standing: Standing) -> str:
        stable, kappas = standing.config.stable, standing.every("kappa")[-WINDOW:]
        if not stable or len(kappas) < WINDOW or fmean(kappas) <= stable - 1e-9:
            return ""
        return (
            f"predictions hardly change any more: kappa {fmean(kappas):.4f} over the last "
            f"{WINDOW} champions reaches stable={stable:g}"
        )

    def figures(self, cycle: Cycle, state: State) -> Mapping[str, float]:
        before, after = cycle.session.state.champion_record, state.champion_record
        if not (cycle.session.config.stable and state.retrained and before and after):
            return {}
        if not cycle.session.knows_all(before.version):
            return {}
        same = before.version == after.version
        return {"kappa": 1.0 if same else _kappa(cycle, before.version, after.version)}

    def check(self, standing: Standing) -> None:
        stable = standing.config.stable
        if stable and Trait.CLASSES not in standing.traits:
            raise ConfigError(f"stable={stable:g} compares classes, and this task has none")


def _kappa(cycle: Cycle, *versions: int) -> float:
    """Cohen's kappa of two versions' predictions of the stop set."""
    from sklearn.metrics import cohen_kappa_score

    session = cycle.session
    ids = stop_set(session.data.ids("train"), session.config.seed)
    predicted = [cycle.model(v).infer(ids, ["probabilities"])["probabilities"] for v in versions]
    answers = [probabilities.argmax(axis=1) for probabilities in predicted]
    if (answers[0] == answers[1]).all():  # kappa is not defined where all are of one class
        return 1.0
    return float(cohen_kappa_score(*answers))


def stop_set(ids: Sequence[str], seed: int) -> list[str]:
    """The samples whose predictions are watched: practically random, and mostly the same when ids
    appear or vanish."""
    drawn = sorted(ids, key=lambda name: (zlib.crc32(f"{seed} {name}".encode()), name))
    return sorted(drawn[:STOP_SET])
