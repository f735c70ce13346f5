"""What a campaign came to: in a sentence, and in a few figures."""

from __future__ import annotations

import math

from al.report.facts import Facts, ahead, where_ahead
from al.report.intervals import of_curve
from al.report.section import counted, lasting, plus


def lead(facts: Facts) -> str:
    """What was asked for, and what was decided, in a few sentences."""
    config = facts.config
    own = "the data set's own labels answered"
    who = own if config.annotator == "oracle" else "people answered"
    if since := facts.people_since:
        begun = facts.state.cycle >= since
        who = f"{own} up to cycle {since - 1}, people from then on" if begun else own
    words = [
        f"{_asked(facts)}; {who}. "
        f"After {counted(facts.state.cycle, 'cycle')} and {counted(facts.paid, 'label')}"
    ]
    if facts.version is None or not len(facts.curve):
        words.append(", no model is in Production yet.")
    else:
        value = float(facts.curve.values[-1])
        words.append(
            f", version {facts.version} of {facts.model} is in Production with a test "
            f"{facts.metric_name} of {facts.shown(value)}"
        )
        words.append(f"{_beside(facts)}.")
    if facts.stopped:
        words.append(f" The campaign ended: {facts.stopped}.")
    return "".join(words)


def _asked(facts: Facts) -> str:
    """Who chose what was asked about: the first query has no model to go by."""
    config, own = facts.config, facts.state.labels.originals.frame
    by_itself = {config.cold_start} - {config.strategy} & {*own["strategy"][own["cycle"] == 1]}
    if by_itself and facts.state.cycle == 1:
        return (
            f"{config.cold_start.capitalize()} chose the first {config.initial_size} samples of "
            f"{config.task} to ask about, as there was no model yet"
        )
    first = f", after a first query of {config.initial_size} by {config.cold_start}"
    return (
        f"The strategy {config.strategy} chose which samples of {config.task} to ask about, "
        f"{config.query_size} a cycle{first * bool(by_itself)}"
    )


def _beside(facts: Facts) -> str:
    """How that compares with the baseline."""
    found = saved(facts)
    if found is None:
        return ""
    assert facts.baseline is not None
    value, mine, theirs = found
    what = f"{facts.metric_name} {facts.shown(value)}"
    if mine == theirs:
        return f", level with {facts.baseline.strategy}"
    more = "fewer" if mine < theirs else "more"
    return (
        f"; {what} took about {abs(theirs - mine):.0f} labels {more} than with "
        f"{facts.baseline.strategy} ({mine:.0f} instead of {theirs:.0f})"
    )


def gain(facts: Facts) -> float | None:
    """How much better the champion is than the baseline's at the last number of labels of both."""
    if facts.baseline is None:
        return None
    return ahead(facts.curve, facts.baseline, lower=facts.lower)


def saved(facts: Facts) -> tuple[float, float, float] | None:
    """The best value that strategy and baseline both reach, and at how many labels each does.

    Between two points a curve's best is a straight line. None where there is nothing to compare.
    """
    if facts.baseline is None or not len(facts.curve) or not len(facts.baseline):
        return None
    lower = facts.lower
    bests = [float(c.best(lower=lower)[-1]) for c in (facts.curve, facts.baseline)]
    value = max(bests) if lower else min(bests)
    mine = facts.curve.reaches(value, lower=lower)
    theirs = facts.baseline.reaches(value, lower=lower)
    return None if mine is None or theirs is None else (value, mine, theirs)


def tiles(facts: Facts) -> list[tuple[str, str]]:
    """The figures that count, each with what it is."""
    found = [(f"{facts.paid:,}", f"labels, {plus(facts.validation)}")]
    if len(facts.curve):
        value = float(facts.curve.values[-1])
        low, high = (float(bound) for bound in of_curve(facts)[-1])
        also = f", 95 %: {facts.shown(low)} to {facts.shown(high)}" if math.isfinite(low) else ""
        found.append((facts.shown(value), f"test {facts.metric_name}{also}"))
    if (more := gain(facts)) is not None:
        assert facts.baseline is not None
        change = -more if facts.lower else more
        sign = f"{change:+.3f}" if facts.share else f"{change:+.4g}"
        how = "better than" if more > 0 else "worse than" if more < 0 else "level with"
        at = where_ahead(facts.curve, facts.baseline)
        what = f"{facts.metric_name}, {how} {facts.baseline.strategy}{at}"
        found.append((sign.replace("-", "−"), what))
    if (less := saved(facts)) is not None:
        value, mine, theirs = less
        assert facts.baseline is not None
        what = "saved" if theirs >= mine else f"more than {facts.baseline.strategy}"
        way = f"labels {what} on the way to {facts.shown(value)}"
        found.append((f"{abs(theirs - mine):.0f}", way))
    if facts.version is not None:
        found.append(
            (f"v{facts.version}", f"in Production, of {counted(_versions(facts), 'promotion')}")
        )
    if spent := facts.state.labels.seconds + facts.state.held_out.seconds:
        found.append((lasting(spent), "of people's time"))
    if facts.cost:
        bought = facts.paid + (facts.state.held_out.paid or facts.validation)
        found.append((f"{bought * facts.cost:,.2f}", f"spent on labels, at {facts.cost:g} each"))
    if len(facts.cycles):
        found.append((lasting(float(facts.cycles["seconds"].sum())), "of computing and waiting"))
    return found


def _versions(facts: Facts) -> int:
    return len(facts.promotions)
