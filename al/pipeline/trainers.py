"""Commands that torchrun started several times: the first runs, the others train with it."""

from __future__ import annotations

import logging
import os
import signal
import sys
from dataclasses import dataclass

from al.agents import Agent, Examples, SupervisedAgent, Team
from al.errors import ConfigError, EngineError
from al.pipeline.session import Session
from al.pipeline.workers import CampaignRecipe
from al.progress import hide

_log = logging.getLogger(__name__)

#: Entry points that train in their own process.
TRAINS = ("main", "cycle", "train")
#: What torchrun sets beside the number of processes; other launchers may set that alone.
LAUNCHED = {"RANK", "MASTER_ADDR", "MASTER_PORT"}


@dataclass(frozen=True)
class Training:
    """What the other processes of a team make their agent of."""

    recipe: CampaignRecipe
    train: Examples
    cycle: int
    number: int
    checkpoints: int

    def agent(self, team: Team) -> SupervisedAgent:
        """Who trains beside the first process."""
        made = self.recipe().agent(
            self.train, None, cycle=self.cycle, number=self.number, checkpoints=self.checkpoints
        )
        assert isinstance(made, SupervisedAgent)
        made.join(team)
        return made


def gather(entry: str) -> None:
    """Make a team of the processes that torchrun started; those but the first end here.

    Raises:
        ConfigError: the entry point trains nothing.
    """
    if os.environ.get("WORLD_SIZE", "1") == "1" or not os.environ.keys() >= LAUNCHED:
        return
    if entry not in TRAINS:
        if os.environ.get("RANK") != "0":
            sys.exit(1)  # one line is enough
        raise ConfigError(
            f"{entry} does not train: run it without torchrun, which is for {', '.join(TRAINS)}"
        )
    Team.here = Team()
    if Team.here.rank:
        _stand_by(Team.here)


def train_together(session: Session, agent: Agent, cycle: int, number: int) -> None:
    """Let the others of the team train with an agent; where they cannot, say why."""
    if (team := Team.here) is None:
        return
    if agent.alone:
        _log.warning(f"one of {team.size} processes trains: {agent.alone}")
        return
    assert isinstance(agent, SupervisedAgent)
    agent.join(team)
    recipe = CampaignRecipe(session.makings, session.splits)
    examples, checkpoints = agent.train_examples, agent.schedule.checkpoints
    team.tell(Training(recipe, examples, cycle, number, checkpoints))


def _stand_by(team: Team) -> None:
    """Train what the first process says, until it ends.

    It says all that there is to say, and holds all that a stop has to let go of.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    logging.getLogger("al").setLevel(logging.ERROR)
    hide()
    try:
        while (message := team.receive()) is not None:
            if isinstance(message, Training):
                agent = message.agent(team)
                continue
            epoch, state = message
            if state is not None:
                agent.graph.restore(state)
            agent.train(epoch)
    except EngineError:
        sys.exit(1)
    sys.exit()
