"""The election: best checkpoint of the cycle, then against the champion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from al.catalog import criteria
from al.contracts import Candidate, Criterion, Election
from al.errors import ConfigError, StepOrder, UnknownName, did_you_mean


def criterion(text: str, metrics: Sequence[str]) -> Criterion:
    """The criterion that a text like `max:val/accuracy` names.

    `NAME:METRIC`, where NAME is in the catalog of criteria; `package.module:Object:METRIC`
    for one that is kept elsewhere.

    Args:
        metrics: names that a checkpoint has, like "val/accuracy".

    Raises:
        UnknownName: no such criterion or metric.
        ConfigError: the text has another form.
    """
    name, _, metric = text.rpartition(":")
    if not name or not metric:
        raise ConfigError(f"criterion={text!r}: write max:METRIC or min:METRIC")
    made: Criterion = criteria.get(name)(metric)
    if metric not in metrics:
        raise UnknownName(
            f"criterion {text!r}: unknown metric {metric!r}: {did_you_mean(metric, metrics)}"
        )
    return made


def elect(
    candidates: Sequence[Candidate],
    champion_metrics: Mapping[str, float] | None,
    criterion: Criterion,
    *,
    always: bool = False,
) -> Election:
    """The winner among the candidates, and whether it replaces the champion.

    Args:
        champion_metrics: its metrics on the same validation data; None where there is no champion.
        always: promote the winner whatever the champion's metrics are; one whose training came
            to no numbers is not promoted even so.

    Raises:
        StepOrder: there is no candidate.
    """
    if not candidates:
        raise StepOrder("there is no checkpoint to choose from: run train first")
    # The earlier epoch, then the lower number, wins among equals: less training is cheaper.
    winner = max(
        candidates,
        key=lambda c: (criterion.sound(c.metrics), criterion.rank(c.metrics), -c.epoch, -c.number),
    )
    metric, value = criterion.metric, winner.metrics[criterion.metric]
    if not criterion.sound(winner.metrics):
        stays = "there is no champion" if champion_metrics is None else "the champion stays"
        why = f"training came to no numbers ({metric} {value:.4f}): {stays}; a lower lr may help"
        return Election(winner, False, why, champion_metrics)
    if champion_metrics is None:
        return Election(winner, True, f"{metric} {value:.4f}, and there was no champion", None)
    against = f"{metric} {value:.4f} against the champion's {champion_metrics[metric]:.4f}"
    if always:
        return Election(winner, True, f"{against}; promote=always", champion_metrics)
    if not criterion.sound(champion_metrics):
        return Election(winner, True, f"{against}, which is not a usable model", champion_metrics)
    if criterion(winner.metrics) >= criterion(champion_metrics):
        return Election(winner, True, f"{against}: not worse", champion_metrics)
    return Election(winner, False, f"{against}: the champion stays", champion_metrics)
