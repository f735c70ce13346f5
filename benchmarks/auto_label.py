"""How often auto-label breaks its promise, and how much it labels.

The planning and the test are those of the pipeline. A repetition is one campaign's looks for one
model, at most `--looks` of them, up to the first that labels something; each later look knows
what the draws before it have shown. It is a violation where more than `error` of what is labelled
is wrong. Of 500 repetitions of a promise that holds just in 95 %, at most 34 are violations in
98 % of cases.

* *Simulated*: models whose labels are wrong at a given rate, whatever they say of themselves: the
  confidence they show does not tell which labels are wrong (the hardest case, as every region has
  the same errors), or tells it as well as it claims, or is overconfident by a factor.
* *Real*: the model in Production of a campaign of digits by each strategy, which chose half of its
  labels, with the labels that the data knows.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from datetime import UTC, datetime
from typing import NamedTuple

import click
import numpy as np

from al.compare import bound, level, plan
from al.errors import AlError
from benchmarks.common import EXPERIMENT, Row, own_store, report

CONFIDENCE = 0.95


class Model(NamedTuple):
    """What a model says of the rest [N] and of validation [V], and where it is right."""

    sure: np.ndarray
    right: np.ndarray
    val_sure: np.ndarray
    val_right: np.ndarray


class Outcome(NamedTuple):
    """What came of a repetition.

    Attributes:
        wrong: share of wrong ones among the labelled; NaN where nothing is.
    """

    labelled: int
    wrong: float
    answers: int
    looks: int


def looks(model: Model, error: float, most: int, times: int, rng: np.random.Generator) -> Outcome:
    """Look until something is labelled, or nobody need be asked, or often enough."""
    left = np.arange(len(model.sure))
    known_sure, known_right = model.val_sure, model.val_right
    answers = 0
    for number in range(1, times + 1):
        sure, alpha = model.sure[left], level(number, CONFIDENCE)
        found = plan(sure, known_sure, known_right, error=error, alpha=alpha, most=most)
        if found is None:
            return Outcome(0, np.nan, answers, number - 1)
        region = left[sure >= found.threshold]
        drawn = rng.choice(region, found.answers, replace=False)
        answers += len(drawn)
        wrong = int((~model.right[drawn]).sum())
        if bound(wrong, len(drawn), len(region), alpha) <= error:
            labelled = np.setdiff1d(region, drawn)
            return Outcome(len(labelled), float((~model.right[labelled]).mean()), answers, number)
        left = np.setdiff1d(left, drawn)
        known_sure = np.r_[known_sure, model.sure[drawn]]
        known_right = np.r_[known_right, model.right[drawn]]
    return Outcome(0, np.nan, answers, times)


def told(outcomes: list[Outcome], size: int, error: float) -> Row:
    """What many repetitions came to."""
    wrong = np.array([one.wrong for one in outcomes])
    labelled = np.array([one.labelled for one in outcomes])
    return {
        "violations": int((wrong > error).sum()),
        "of": len(outcomes),
        "labelled something": float((labelled > 0).mean()),
        "share labelled": float(labelled.mean() / size),
        "answers": float(np.mean([one.answers for one in outcomes])),
        "worst error": float(np.nanmax(wrong)) if (labelled > 0).any() else float("nan"),
    }


def simulated(kind: str, rate: float, size: int, rng: np.random.Generator) -> Model:
    """A model whose share of wrong labels is expected to be `rate`.

    Its doubts 1 - confidence are from a beta distribution of mean `rate` (informative), or of
    mean 0.003, which says nothing (blind); an overconfident one has four times the errors, and
    of a flattered one, which is blind, validation shows no error at all.
    """
    blind = kind in ("blind", "flattered")
    claimed = 0.003 if blind else rate / 4 if kind == "overconfident" else rate

    def some(many: int) -> tuple[np.ndarray, np.ndarray]:
        doubt = rng.beta(0.3, 0.3 * (1 - claimed) / claimed, many)
        chance = np.full(many, rate) if blind else np.minimum(doubt * rate / claimed, 1)
        return 1 - doubt, rng.random(many) >= chance

    sure, right = some(size)
    val_sure, val_right = some(100)
    return Model(sure, right, val_sure, val_right | (kind == "flattered"))


def real(strategy: str, seed: int, labels: int) -> Model:
    """The model in Production of a campaign of digits."""
    import al
    from al.pipeline.predicting import Guesses, in_production

    with own_store() as uri, open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
        campaign = al.Campaign(
            tracking_uri=uri, experiment=EXPERIMENT, show_progress=False, strategy=strategy,
            cycles=2, initial_size=labels // 2, query_size=labels // 2, seed=seed,
            baseline="none", campaign="c",
        )  # fmt: skip
        campaign.run()
        with campaign._looked_into() as session:
            said = Guesses(session, in_production(session)[0])
            guess, sure = said.guesses(session.pool)
            kind, truth = said.kind, session.data.truth(session.pool)
            right = guess == np.array([kind.position(label) for label in truth])
    return Model(sure, right, said.val_sure, said.val_right)


def _simulations(repeats: int, error: float, most: int, times: int, size: int) -> Iterator[Row]:
    for kind in ("flattered", "blind", "informative", "overconfident"):
        for factor in (0.25, 0.5, 1.05, 1.25, 1.5, 2.5, 5.0):
            rate, outcomes = factor * error, []
            for number in range(repeats):
                rng = np.random.default_rng([7, number, int(1000 * factor)])
                outcomes.append(looks(simulated(kind, rate, size, rng), error, most, times, rng))
            yield {"model": kind, "true error": rate, **told(outcomes, size, error)}


def _real(
    names: list[str], repeats: int, error: float, most: int, times: int, labels: int
) -> Iterator[Row]:
    for name in names:
        try:
            model = real(name, 0, labels)
        except AlError as refused:
            click.echo(f"{name}: {refused}", err=True)
            continue
        outcomes = [
            looks(model, error, most, times, np.random.default_rng([11, number]))
            for number in range(repeats)
        ]
        size = len(model.sure)
        yield {"strategy": name, "true error": 1 - model.right.mean(), "rest": size} | told(
            outcomes, size, error
        )


@click.command()
@click.argument("models", type=click.Choice(["simulated", "digits"]))
@click.option("--repeats", default=500, show_default=True)
@click.option("--error", default=0.02, show_default=True)
@click.option("--draw", default=500, show_default=True, help="Most answers of a look.")
@click.option("--looks", "times", default=3, show_default=True, help="Most looks a repetition.")
@click.option("--size", default=5000, show_default=True, help="Samples of a simulated pool.")
@click.option("--labels", default=320, show_default=True, help="Of each campaign of digits.")
@click.option("--strategies", default="all", show_default=True, help="Names, separated by commas.")
def main(
    models: str,
    repeats: int,
    error: float,
    draw: int,
    times: int,
    size: int,
    labels: int,
    strategies: str,
) -> None:
    """Count broken promises."""
    from al.catalog import strategies as catalog

    if models == "simulated":
        title, seeds = f"Simulated models, {size} samples", "[7, repetition, 1000 rate / error]"
        rows = list(_simulations(repeats, error, draw, times, size))
    else:
        title, seeds = f"Models of digits, {labels} labels", "campaigns 0, draws [11, repetition]"
        names = catalog.names() if strategies == "all" else strategies.split(",")
        rows = list(_real(names, repeats, error, draw, times, labels))
    report(
        f"auto_label_{models}",
        {title: rows},
        command=" ".join(["python -m benchmarks.auto_label", *sys.argv[1:]]),
        date=datetime.now(UTC).date().isoformat(),
        seeds=seeds,
        confidence=CONFIDENCE,
        error=error,
    )


if __name__ == "__main__":
    main()
