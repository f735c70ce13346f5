"""What an experiment came to: leaderboards, curves, and both as texts, tables and pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from al.experiment.leaderboard import Leaderboard
from al.experiment.plan import DATA_SET, RANDOM, Setting
from al.experiment.statistics import Ranking, band, ranking
from al.report import plus

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def in_words(setting: Setting) -> str:
    """A setting in words; "" where there is but one."""
    return ", ".join(f"{name}={value}" for name, value in setting)


class Sizes(NamedTuple):
    """Samples of the splits: those that may be asked about, and those beside the curves."""

    pool: int
    validation: int
    test: int


@dataclass(frozen=True, repr=False)
class Results:
    """Leaderboards of an experiment, one a setting.

    Attributes:
        name: of the experiment.
        task: what was learned.
        first: whether strategies share their first query.
        sizes: of the splits, by setting.
        given: parameters that all campaigns share; the others are defaults.
    """

    name: str
    task: str
    first: str
    boards: Mapping[Setting, Leaderboard]
    sizes: Mapping[Setting, Sizes]
    given: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<Results of {self.name}: {self.sentence()}>"

    def _repr_html_(self) -> str:
        tables = (
            f"<p><b>{escape(in_words(setting) or self.name)}</b>: {escape(board.sentence())}</p>"
            + board.table().to_html(index=False)
            for setting, board in self.boards.items()
        )
        return "".join(tables)

    def sentence(self) -> str:
        """What to make of it, in a line a setting."""
        lines = [
            f"{in_words(setting)}: {board.sentence()}" if setting else board.sentence()
            for setting, board in self.boards.items()
        ]
        return "\n".join(lines)

    @cached_property
    def ranking(self) -> Ranking | None:
        """The strategies over all data sets; None where there are fewer than three of either.

        Settings of one data set are not independent draws: it counts once, by the mean of its
        ranks.
        """
        names = self.strategies
        ranks: dict[Setting, list[np.ndarray]] = {}
        for setting, board in self.boards.items():
            areas = {row.strategy: row.area.value for row in board.rows}
            signed = [areas[name] if board.lower else -areas[name] for name in names]
            data_set = tuple(pair for pair in setting if pair[0] in DATA_SET)
            ranks.setdefault(data_set, []).append(rankdata(signed))
        return ranking(np.array([np.mean(several, axis=0) for several in ranks.values()]))

    @property
    def strategies(self) -> list[str]:
        """All strategies, in the order of their names."""
        return sorted(row.strategy for row in next(iter(self.boards.values())).rows)

    def leaderboard(self) -> pd.DataFrame:
        """All lines of all settings as numbers."""
        parts = [board.figures().assign(**dict(setting)) for setting, board in self.boards.items()]
        return pd.concat(parts, ignore_index=True)

    def curves(self) -> pd.DataFrame:
        """All curves, a row a point: setting, strategy, seed, labels and the metric."""
        parts = []
        for setting, board in self.boards.items():
            for name, values in board.curves.values.items():
                for seed, curve in enumerate(values):
                    where: dict[str, Any] = {**dict(setting), "strategy": name, "seed": seed}
                    rows = {"labels": board.curves.labels, board.metric: curve}
                    parts.append(pd.DataFrame(rows).assign(**where))
        return pd.concat(parts, ignore_index=True)

    def text(self) -> str:
        """Leaderboards and what to make of them, for a terminal."""
        lines: list[str] = []
        for setting, board in self.boards.items():
            lines += ["", self.title(setting), board.table().to_string(index=False)]
        if self.ranking is not None:
            lines += ["", *self.ranked()]
        return "\n".join([*lines, "", self.sentence()])

    def title(self, setting: Setting) -> str:
        """What a leaderboard is about."""
        board = self.boards[setting]
        words = (
            [f"test {board.metric}", in_words(setting)]
            if setting
            else [f"test {board.metric} on {self.task}"]
        )
        sizes = self.sizes[setting]
        count = sizes.validation
        also = f"plus {count:,} validation labels" if count else plus(count)
        words += [f"{board.seeds} seeds", also, f"{sizes.test:,} test samples"]
        return ", ".join(words)

    def ranked(self) -> list[str]:
        """The ranking over settings, in lines."""
        found = self.ranking
        assert found is not None
        order = np.argsort(found.ranks, kind="stable")
        ranks = ", ".join(f"{self.strategies[i]} {found.ranks[i]:.2f}" for i in order)
        return [
            f"mean ranks over {found.sets} data sets: {ranks}",
            f"all alike: p {found.p:.3f} (Friedman); two differ from {found.critical:.2f} on "
            "(Nemenyi)",
        ]

    def figure(self, setting: Setting, *, everywhere: bool = False) -> Figure:
        """Mean curves with their 95 % intervals.

        Args:
            everywhere: with bands that hold for all cycles at once.
        """
        from matplotlib.figure import Figure

        board = self.boards[setting]
        figure = Figure(figsize=(7.2, 4.4), layout="constrained")
        axes = figure.subplots()
        for row in board.rows:
            _draw(axes, board, row.strategy, everywhere)
        axes.axhline(board.level, color="#888888", linewidth=0.8, linestyle=":")
        axes.set(
            xlabel=f"labels ({plus(self.sizes[setting].validation)})",
            ylabel=f"test {board.metric}",
            title=in_words(setting) or self.name,
        )
        axes.grid(alpha=0.25)
        axes.legend(frameon=False)
        return figure


def _draw(axes: Axes, board: Leaderboard, strategy: str, everywhere: bool) -> None:
    labels, values = board.curves.labels, board.curves.values[strategy]
    plain = strategy == RANDOM
    (line,) = axes.plot(
        labels, values.mean(axis=0), "--" if plain else "-", color="#666666" if plain else None,
        linewidth=1.6, label=strategy,
    )  # fmt: skip
    if len(values) > 1:
        low, high = band(values, everywhere=everywhere)
        axes.fill_between(labels, low, high, color=line.get_color(), alpha=0.15, linewidth=0)
