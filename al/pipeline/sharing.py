"""A share of a cycle's scoring, by a process that does nothing else; killed, it goes on.

Many such processes, each with its share, fill the passes on storage that all see; the campaign's
next query finds them there. So a pool is scored by whatever starts processes, a job array, say.
"""

from __future__ import annotations

import logging
from contextlib import closing

from al.data_selector import Share, passes_folder
from al.errors import RegistryError
from al.pipeline.cycle import Cycle
from al.pipeline.scoring import view_of
from al.pipeline.session import Session
from al.pipeline.steps import SELECT_DATA
from al.strategies import build

_log = logging.getLogger(__name__)


def score_share(session: Session, shard: str) -> None:
    """Score a share of the pool with the version in Production, as the next query will read it.

    Args:
        shard: which share, like "3/8", from 0 on.

    Raises:
        ConfigError: it is not a share.
        RegistryError: no version is in Production.
        DataError: another process makes this share.
    """
    share, config = Share.read(shard), session.config
    last = session.state.champion_record
    version = session.registry.standing(last.version if last else None).version
    if version is None:
        raise RegistryError(
            f"no version of {session.registry.name} is in Production, so there is nothing to "
            "score with: run a cycle, or promote one"
        )
    cycle = Cycle(session, session.state.cycle + 1, session.run)
    cycle.champion_version = version
    reads = build(config.strategy).reads
    with closing(view_of(cycle, share)) as view:
        view.score(reads)
    done = f"share {share} is scored with v{version}, in {passes_folder()}"
    _log.info(
        f"{done}: {SELECT_DATA.name} takes it in"
        if reads
        else f"{config.strategy} reads no model: nothing to score"
    )
