"""The experiment's page: leaderboards, curves and what to make of them, in the report's look."""

from __future__ import annotations

import math

import numpy as np
from markupsafe import Markup

from al import __version__
from al.experiment.leaderboard import Leaderboard, Row
from al.experiment.plan import RANDOM, Setting
from al.experiment.results import Results, in_words
from al.experiment.statistics import ALPHA, band
from al.report.page import rendered
from al.report.plot import Plot, widened
from al.report.section import Section, counted, figure, grid, join, lasting, p, plus, table

#: Colours of the page for strategies; random is grey.
SERIES, GREY = 6, 9

_HOW = (
    "Every strategy ran with the same seeds: those of a seed share validation, test, initial "
    "weights{first}, so differences are taken seed by seed, and curves whose bands overlap may "
    "differ. Intervals are 95 % by Student's t, each for itself; p is two-sided and corrected by "
    "Holm for all comparisons of the table; a strategy is called better only where its corrected p "
    "is below {alpha} and its interval holds no zero. Seeds more are what would show a difference "
    "of the size that was seen in four of five experiments, were it the only comparison. Labels to "
    "a level are medians over seeds, and the share saved is a median of pairs with an interval by "
    "order statistics; a seed that never reaches the level counts as endless; labels for "
    "validation are not counted, as all strategies pay for the same. A point of a curve "
    "is the test metric of the model trained on the labels so far. Test samples are the same for "
    "all seeds: intervals say what other seeds would give on this data, not what other data would. "
    "The best strategy was picked by these same curves, so its lead is likely overstated; other "
    "seeds would give a fair figure."
)


def page(results: Results, now: str) -> str:
    """The page.

    Args:
        now: when it is written, in words.
    """
    boards = list(results.boards.items())
    first = boards[0][1]
    trials = sum(len(board.rows) * board.seeds for _, board in boards)
    seconds = sum(row.total * board.seeds for _, board in boards for row in board.rows)
    tiles = [
        (str(len(first.rows)), "strategies, random among them"),
        (str(first.seeds), "seeds each"),
        (str(len(boards)), "settings" if len(boards) > 1 else "setting"),
        (f"{trials:,}", "campaigns in all"),
        (lasting(seconds), "of computing"),
    ]
    sections = [_board(results, number, *item) for number, item in enumerate(boards)]
    if results.ranking is not None:
        sections.append(_ranks(results))
    sections.append(_how(results))
    return rendered(
        title=f"{results.name}: experiment",
        kicker=f"Active learning experiment · {results.task}",
        heading=results.name,
        lead=Markup("<br>").join(results.sentence().split("\n")),
        tiles=tiles,
        sections=sections,
        footer=f"Written {now}. leaderboard.csv and curves.csv beside this page hold every figure.",
    )


def _board(results: Results, number: int, setting: Setting, board: Leaderboard) -> Section:
    sizes = results.sizes[setting]
    shown = Plot(
        widened(float(board.curves.labels[0]), float(board.curves.labels[-1]), 0.02),
        _range(board),
        (f"labels ({plus(sizes.validation)})", f"test {board.metric}"),
        width=720,
        height=380,
    )
    for place, row in enumerate(board.rows):
        _draw(shown, board, row.strategy, _colour(place, row))
    shown.rule(y=board.level)
    above = board.level + 0.01 * (shown.y[1] - shown.y[0])
    shown.label(shown.x[0], above, f"{board.level:.3g}")  # curves end at the other side
    curves = figure(
        shown.svg(f"Mean test {board.metric} by number of labels for each strategy"),
        f"Mean over {board.seeds} seeds; the bands are 95 % intervals of the mean at each point. "
        f"Labels are counted to the dotted line, {board.metric} {board.level:.3g}. Queries are "
        f"drawn from {sizes.pool:,} samples; the test has {sizes.test:,}.",
        wide=True,
    )
    lead = p(board.sentence()) if setting else ""  # else it is what the page begins with
    body = join([lead, curves, _table(board), grid(_gains(board), _costs(board))])
    name = f"setting-{number}" if setting else "leaderboard"
    return Section(name, in_words(setting) or "Leaderboard", body)


def _range(board: Leaderboard) -> tuple[float, float]:
    """Room for all curves with their bands, so that no interval looks narrower than it is."""
    shown = [part for values in board.curves.values.values() for part in band(values)]
    return widened(float(np.min(shown)), float(np.max(shown)), 0.04)


def _draw(plot: Plot, board: Leaderboard, strategy: str, series: int) -> None:
    labels, values = board.curves.labels, board.curves.values[strategy]
    low, high = band(values)
    plot.band(labels, low, high, series)
    plain = strategy == RANDOM
    marks = len(labels) <= 25
    plot.line(labels, values.mean(axis=0), series, strategy, dashed=plain, marks=marks)


def _table(board: Leaderboard) -> Markup:
    shown = board.table().iloc[:, :-1]  # seconds have a table of their own
    kinds = {"better": "good", "worse": "bad"}
    rows = [
        [_coloured(value, kinds) for value in values] for values in shown.itertuples(index=False)
    ]
    return table(list(shown.columns), rows)


def _coloured(value: str, kinds: dict[str, str]) -> Markup | str:
    return Markup('<b class="{}">{}</b>').format(kinds[value], value) if value in kinds else value


def _gains(board: Leaderboard) -> Markup | str:
    """Differences to random as intervals beside each other."""
    shown = [(place, row) for place, row in enumerate(board.rows) if row.against_random]
    spans = [row.against_random.mean for _, row in shown if row.against_random]
    if not shown:
        return ""
    ends = [0.0, *(x for span in spans for x in span if math.isfinite(x))]
    title, x = f"{board.metric} minus random's, mean over the curve", widened(min(ends), max(ends))
    plot = Plot(x, (-0.5, len(shown) - 0.3), (title, ""), height=70 + 38 * len(shown), rows=True)
    plot.rule(x=0.0)
    for at, ((place, row), span) in enumerate(zip(shown[::-1], spans[::-1], strict=True)):
        plot.line([span.low, span.high], [at, at], _colour(place, row), marks=False)
        plot.points([span.value], [at], _colour(place, row), size=4.5)
        plot.label(x[0], at + 0.28, f"{row.strategy}  {span.text(sign=True)}")
    side = "left" if board.lower else "right"
    caption = f"Differences to random with their 95 % intervals; to the {side} of zero is better."
    return figure(plot.svg(title), caption)


def _colour(place: int, row: Row) -> int:
    """The colour of a strategy, by its place on the leaderboard."""
    return GREY if row.strategy == RANDOM else place % SERIES


def _costs(board: Leaderboard) -> Markup:
    rows = [
        [row.strategy, f"{row.choosing:.3f}", lasting(row.total), _more(row)] for row in board.rows
    ]
    heads = ["strategy", "seconds a query", "a campaign", "seeds more to tell"]
    return join([table(heads, rows), p("Seconds of one thread on the machine of the run.", "note")])


def _more(row: Row) -> str:
    if row.against_random is None:
        return ""
    if row.against_random.verdict != "not told apart":
        return "none"
    more = row.against_random.more
    return "–" if more is None else f"{more:,}"


def _ranks(results: Results) -> Section:
    found = results.ranking
    assert found is not None
    order = np.argsort(found.ranks, kind="stable")
    count, alike = len(order), _alike(found.ranks[order], found.critical)
    top = count + 0.6 + 0.4 * len(alike)  # bars overlap, so each lies at a height of its own
    left = 0.8
    plot = Plot(
        (left, count + 0.2), (0, top + 0.6), ("mean rank, 1 is best", ""),
        height=80 + round(32 * (top + 0.6)), rows=True,
    )  # fmt: skip
    plot.line([1, 1 + found.critical], [top, top], GREY, marks=False)
    plot.label(1, top + 0.2, f"critical difference {found.critical:.2f}")
    for place, index in enumerate(order):
        name, rank, at = results.strategies[index], float(found.ranks[index]), count - place - 0.4
        plot.points([rank], [at], GREY if name == RANDOM else place % SERIES, size=5)
        plot.label(left, at + 0.2, f"{name}  {rank:.2f}")
    for row, (low, high) in enumerate(alike):
        plot.line([low, high], [count + 0.3 + 0.4 * row] * 2, 0, marks=False)
    words = (
        f"{counted(found.sets, 'data set')}; that all are alike has p = {found.p:.3f} "
        "(Friedman). A bar joins strategies that are nearer to each other than the critical "
        "difference: they are not told apart (Nemenyi, 95 %). Several settings of a data set "
        "count once, by their mean rank."
    )
    body = figure(plot.svg("Mean ranks of the strategies over all data sets"), words)
    return Section("ranks", "Over all data sets", body)


def _alike(ranks: np.ndarray, critical: float) -> list[tuple[float, float]]:
    """The longest runs of neighbours within the critical difference."""
    spans = [(r, ranks[ranks - r < critical].max()) for r in ranks]
    return [
        (float(low), float(high))
        for place, (low, high) in enumerate(spans)
        if high > low and not any(high <= other for _, other in spans[:place])
    ]


def _how(results: Results) -> Section:
    first = ", the first query and its training" if results.first == "shared" else ""
    also = " Each strategy chose its own first query." if results.first == "own" else ""
    how = p(_HOW.format(first=first, alpha=ALPHA) + also)
    given = ", ".join(f"{name}={value}" for name, value in results.given.items())
    seeds = next(iter(results.boards.values())).seeds
    setup = f"Seeds 0 to {seeds - 1}. Given: {given or 'nothing'}; all else is the default of "
    return Section("how", "How it was done", join([how, p(f"{setup}version {__version__}.")]))
