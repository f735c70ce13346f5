"""Results as texts, tables, pictures and a page, of curves that are made up."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from al import __version__
from al.experiment.leaderboard import Curves, Leaderboard
from al.experiment.page import page
from al.experiment.results import Results, Sizes
from al.report.plot import LEFT
from tests.experiment.test_leaderboard import BASE, seeds

EVIL = "sql(\"SELECT id FROM pool WHERE a < 3 AND b > '<script>alert(1)</script>'\")"
GRID = tuple((("task", name),) for name in ("digits", "mnist", "adult"))
SPLITS = Sizes(pool=2000, validation=40, test=500)
SIZES = tuple((("query_size", size),) for size in (10, 20, 40))


def results(*settings: Any) -> Results:
    """Of three strategies in each setting."""
    trials = {"random": seeds(BASE), "margin": seeds(BASE, 0.06), EVIL: seeds(BASE, 0.1)}
    curves = Curves.of(trials, "accuracy")
    boards = {s: Leaderboard.of(curves, "accuracy", lower=False, level=None) for s in settings}
    return Results("e", "digits", "shared", boards, dict.fromkeys(settings, SPLITS))


def test_the_page_tells_every_setting_and_strategy_and_shows_texts_as_texts() -> None:
    found = page(results(*GRID), "now")
    assert "<script" not in found
    assert found.count("<section") == len(GRID) + 2  # and ranks, and how it was done
    for name in ("digits", "mnist", "adult"):
        assert f"task={name}" in found
    assert "critical difference" in found
    assert "<script" not in results(())._repr_html_()


def test_bars_of_strategies_that_are_not_told_apart_lie_at_heights_of_their_own() -> None:
    trials = {name: seeds(BASE, gain / 50) for gain, name in enumerate(("random", *"abcd"))}
    curves = Curves.of(trials, "accuracy")
    boards = {s: Leaderboard.of(curves, "accuracy", lower=False, level=None) for s in GRID}
    found = page(Results("e", "digits", "shared", boards, dict.fromkeys(GRID, SPLITS)), "now")
    ranks = found.partition('id="ranks"')[2].partition("</section>")[0]
    bars = [part.partition('"')[0] for part in ranks.split('points="')[1:]]
    heights = [bar.split(",")[-1] for bar in bars]
    assert len(bars) == 3  # the critical difference, ranks 1 to 4 and 2 to 5
    assert len(set(heights)) == 3


def test_no_band_is_cut_off_by_the_picture() -> None:
    one = results(())
    curves = one.boards[()].curves
    spread = np.linspace(0.5, 1.5, 8)[:, None]
    wide = {name: values * spread for name, values in curves.values.items()}
    board = Leaderboard.of(
        Curves(curves.labels, wide, curves.seconds), "accuracy", lower=False, level=None
    )
    found = page(Results("e", "digits", "shared", {(): board}, {(): SPLITS}), "now")
    polygons = [part.partition('"')[0] for part in found.split('points="')[1:]]
    heights = [float(p.split(",")[1]) for part in polygons[:1] for p in part.split()]
    assert len(set(heights)) == len(heights)  # none lies on the edge beside another


def test_what_holds_everywhere_is_drawn_wider() -> None:
    def height(**how: bool) -> float:
        (axes,) = results(()).figure((), **how).axes
        return sum(float(np.ptp(c.get_paths()[0].vertices[:, 1])) for c in axes.collections)

    assert height(everywhere=True) > height()


def test_the_page_says_from_how_many_samples_under_which_parameters() -> None:
    board = results(()).boards[()]
    given = {"target": "<income>", "cycles": 3}
    found = page(Results("e", "table", "shared", {(): board}, {(): SPLITS}, given), "now")
    assert "drawn from 2,000 samples; the test has 500" in found
    assert "plus 40 for validation" in found
    setup = "Given: target=&lt;income&gt;, cycles=3; all else is the default of version "
    assert setup + __version__ in found
    assert f"Seeds 0 to {board.seeds - 1}." in found


def test_the_name_of_the_level_stands_where_no_curve_ends() -> None:
    one = results(())
    found = page(one, "now")
    level = f"{one.boards[()].level:.3g}"
    (across,) = re.findall(rf'<text class="value" x="([\d.]+)" y="[\d.]+">{level}</text>', found)
    assert float(across) == LEFT


def test_text_and_tables_tell_all_settings() -> None:
    found = results(*GRID)
    text = found.text()
    assert "margin 2.00, random 3.00" in text
    assert len(found.leaderboard()) == 9
    assert len(found.curves()) == 3 * 3 * 8 * 3
    assert found.sentence().count("is better than random") == 3


def test_a_data_set_counts_once_in_the_ranking_however_many_settings_it_has() -> None:
    several = [(*of_set, *size) for of_set in GRID for size in SIZES]
    once, more = results(*GRID).ranking, results(*several).ranking
    assert once is not None
    assert more is not None
    assert (once.sets, once.critical, once.p) == (more.sets, more.critical, more.p)
    assert once.ranks.tolist() == more.ranks.tolist()


@pytest.mark.parametrize("settings", [((),), GRID[:2], SIZES])
def test_fewer_than_three_data_sets_have_no_ranking(settings: Any) -> None:
    assert results(*settings).ranking is None
    assert "Nemenyi" not in results(*settings).text()
