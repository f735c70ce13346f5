"""Validation and test where the data has too few labels for them: people are asked about a draw.

The samples are drawn at random as the campaign begins, so that the figures on them are unbiased,
and asked about in the first cycle, among those of its query. What is said of them is kept in
`State.held_out`, from which nothing learns.
"""

from __future__ import annotations

from dataclasses import replace

from al.catalog import annotators
from al.config import Config
from al.contracts import DataLoader, Splits
from al.errors import ConfigError
from al.state import State


def proposed(config: Config, data: DataLoader) -> Splits:
    """The splits of a new campaign, which people are asked about where its labels are too few.

    Raises:
        ConfigError, DataError: see `DataLoader.propose_splits`.
    """
    asked = _asked(config, data)
    if asked is None:
        return data.propose_splits(config.put_aside, config.seed)
    if len(asked.val) < config.put_aside:
        raise ConfigError(
            f"validation_size={config.put_aside} is more than the {len(asked.val)} samples that "
            "can be asked about for it: give less, or validation=folds, which puts none aside"
        )
    return asked


def _asked(config: Config, data: DataLoader) -> Splits | None:
    if annotators.get(config.annotator).is_simulated:
        return None
    return data.propose_asked(config.put_aside, config.seed)


def validation_of(config: Config, data: DataLoader) -> str:
    """What judges the models of a new campaign: folds where the labels are too few for a set,
    unless its size was given."""
    given = config.validation_size != Config.validation_size
    if given or config.labels_from != "none" or _asked(config, data) is None:
        return config.validation
    return "folds"


def folds_line(config: Config, data: DataLoader) -> str:
    """Why folds judge the models of a campaign for which they were chosen, where nothing else of
    it is said; else ""."""
    if proposed(config, data).asked:
        return ""
    size = config.validation_size
    return f"validation=folds: fewer than validation_size={size} labels can be spared for it"


def lines(splits: Splits, config: Config) -> list[str]:
    """What people are asked about first, where they are."""
    if not splits.asked:
        return []
    also = f" and {len(splits.val)} validation samples" if splits.val else ""
    folds = "; validation=folds" if config.by_folds else ""
    return [
        f"too few labels to judge models by: {len(splits.test)} test samples{also}, drawn at "
        f"random, will be asked about first{folds}"
    ]


def parted(state: State, splits: Splits) -> State:
    """The state before the first cycle, in which labels of these splits only judge models."""
    labels, held = state.labels, splits.asked
    if state.cycle or not held.intersection(labels.asked):
        return state
    return replace(state, labels=labels.without(held), held_out=labels.without(labels.asked - held))
