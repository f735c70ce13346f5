"""When a campaign is over: any of these rules ends it, and says so.

Every rule is a function of what is on record, so a campaign that was killed and went on
stops where one that was not would have. Only `main` obeys them; `cycle` runs one cycle more.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import fmean

from al.config import Config
from al.errors import ConfigError
from al.pipeline.spans import seconds_in

#: Size of the stop set, whose predictions are watched.
STOP_SET = 2000
#: Comparisons that are averaged.
WINDOW = 3


@dataclass(frozen=True)
class Record:
    """A closed cycle, as the rules see it.

    Attributes:
        labels: paid for so far: answers, second opinions among them.
        value: the champion's metric on validation; None where there was no champion.
        kappa: agreement of its predictions with its predecessor's, where they were compared.
        waiting: asked about and not answered yet.
    """

    labels: int
    value: float | None = None
    kappa: float | None = None
    waiting: int = 0


def why_to_stop(
    config: Config,
    history: Sequence[Record],
    *,
    pool: int,
    validation: int,
    started: float,
    now: float,
    metric: str,
    lower: bool = False,
) -> str:
    """The first rule that ends the campaign, in words; "" where it goes on.

    Args:
        history: all closed cycles, the latest last.
        pool: samples that can still be asked about.
        validation: size of the validation split.
        started, now: seconds since 1970.
        lower: less of the metric is better.
    """
    sign = -1 if lower else 1
    labels = history[-1].labels if history else 0
    value = history[-1].value if history else None
    if len(history) >= config.cycles:
        return f"cycles={config.cycles} are done"
    if not pool:
        return "every sample of its pool has been asked about"
    waiting = history[-1].waiting if history else 0
    if config.label_budget and labels + waiting >= config.label_budget:
        return f"label_budget={config.label_budget} is used up"
    goal = config.goal_value
    if goal is not None and value is not None and sign * value >= sign * goal:
        return f"val/{metric} {value:.4f} has reached goal={goal:g}"
    if config.plateau and (gain := _plateau(history, config.plateau, validation, sign)):
        return gain
    kappas = [record.kappa for record in history if record.kappa is not None][-WINDOW:]
    if config.stable and len(kappas) == WINDOW and fmean(kappas) > config.stable - 1e-9:
        return (
            f"predictions hardly change any more: kappa {fmean(kappas):.4f} over the last "
            f"{WINDOW} champions reaches stable={config.stable:g}"
        )
    deadline = deadline_of(config.deadline, started)
    if deadline is not None and now >= deadline:
        return f"deadline={config.deadline} has passed"
    return ""


def _plateau(history: Sequence[Record], cycles: int, validation: int, sign: int) -> str:
    """Whether the last cycles brought no gain above the noise, in words.

    gain = best of the last k − best before them; noise = √(p (1 − p) / n), the standard error
    of the best value p before on n validation samples, for metrics from 0 to 1; 0 for others
    and where less is better.
    """
    values = [sign * record.value for record in history if record.value is not None]
    if len(values) <= cycles:
        return ""
    before, after = max(values[:-cycles]), max(values[-cycles:])
    noise = math.sqrt(before * (1 - before) / validation) if 0 <= before <= 1 else 0.0
    if after - before > noise:
        return ""
    return (
        f"plateau={cycles}: the last {cycles} cycles gained {after - before:+.4f} on validation, "
        f"which is within the noise of {noise:.4f}"
    )


def deadline_of(text: str, started: float) -> float | None:
    """A deadline in seconds since 1970: a date and time, or a span from the start; None if off.

    Raises:
        ConfigError: it is neither.
    """
    if text == "off":
        return None
    if (seconds := seconds_in(text)) is not None:
        return started + seconds
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"deadline={text!r} is no time: give 90m, 8h, 2d, 2026-12-31T18:00, or off"
        ) from None
    return when.replace(tzinfo=when.tzinfo or UTC).timestamp()


def stop_set(ids: Sequence[str], seed: int) -> list[str]:
    """The samples whose predictions are watched: as good as random, and hardly others when ids
    appear or vanish.

    Bloodgood and Vijay-Shanker (2009), A method for stopping active learning based on
    stabilizing predictions: some 2,000 samples that need no labels; active learning stops when
    Cohen's kappa between successive models' predictions averages 0.99 over three.
    """
    drawn = sorted(ids, key=lambda name: (zlib.crc32(f"{seed} {name}".encode()), name))
    return sorted(drawn[:STOP_SET])
