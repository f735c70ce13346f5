"""What a campaign has achieved, written to its run: description, metrics and models."""

from __future__ import annotations

from al.pipeline.history import closed_cycles
from al.pipeline.reporting import baseline_of
from al.pipeline.session import Session
from al.report import Curve, ahead, lasting, plus, where_ahead

#: Name of a view of the runs, before the metric.
TABLE = "al-"


def tell_achieved(session: Session) -> None:
    """Renew what the campaign's run says of it, after a cycle was closed or its baseline ran."""
    config, state, metric = session.config, session.state, session.task.metric
    record, seconds = state.champion_record, sum(row["seconds"] for row in closed_cycles(session))
    figures = {
        "achieved/labels": float(state.labels.paid),
        "achieved/seconds": seconds,
    }
    aside = len(session.data.ids("val"))
    also = f"+{aside} for validation" if aside else plus(aside)
    words = [
        f"{config.task} by {config.strategy}, seed {config.seed}: {state.labels.paid} labels "
        f"({also}) in {state.cycle} cycles, "
        f"{lasting(seconds)}"
    ]
    if since := session.people_since:
        words.append(f"the data's own labels answered, people do from cycle {since} on")
    if record is None:
        words.append("no model is in Production yet")
    else:
        value = record.test[metric]
        standing = f"test/{metric} {value:.3f}"
        figures |= {f"achieved/{metric}": value, "achieved/version": float(record.version)}
        if (gain := _gain(session)) is not None:
            figures["achieved/gain"], at = gain
            standing += f", {figures['achieved/gain']:+.3f} against {config.baseline}{at}"
        if session.gathered.linked != record.version:
            session.registry.link(record.version, session.run.id, state.labels.paid)
            session.gathered.linked = record.version
        words += [standing, f"{session.registry.uri(record.version)} is in Production"]
    logged = session.gathered.logged
    new = {name: value for name, value in figures.items() if logged.get(name) != state.cycle}
    session.run.log_metrics(new, state.cycle)
    logged.update(dict.fromkeys(new, state.cycle))
    session.run.describe_now("; ".join(words) + ".")


def share_table(session: Session) -> None:
    """Keep a view of all campaigns of the experiment: columns of what each has achieved, and the
    chart of their learning curves."""
    metric = session.task.metric
    figures = ("achieved/labels", f"test/{metric}", "achieved/gain", "achieved/seconds")
    columns = ["attributes.`Description`", "params.`task`", "params.`strategy`"]
    columns += [f"metrics.`{name}`" for name in figures]
    search = "tags.`al.role` = 'campaign'"
    session.store.share_view(f"{TABLE}{metric}", columns, search, f"test/{metric}")


def _gain(session: Session) -> tuple[float, str] | None:
    """How far the champion is ahead of the baseline's at the same number of labels, and at how
    many, where these are not those of now."""
    other = baseline_of(session)
    if other is None:
        return None
    points = session.run.metric_history(f"test/{session.task.metric}")
    labels, values = zip(*points, strict=True)
    mine = Curve.of(session.config.strategy, labels, values)
    gain = ahead(mine, other, lower=session.lower)
    return None if gain is None else (gain, where_ahead(mine, other))
