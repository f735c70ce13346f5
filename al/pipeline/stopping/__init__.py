"""When a campaign is over: any of its stop rules ends it, and says so; a file each.

Every rule is a function of what is on record, so a campaign that was killed and went on
stops where one that was not would have. Only `main` and `watch` obey them; `cycle` runs one
cycle more. The built-in rules are always asked, each by a parameter of its name; others, and
a user's own, are named by the parameter `stop`.
"""

from al.pipeline.stopping.rule import MEASURED_AGAIN, Standing, StopRule
from al.pipeline.stopping.rules import rules_of, why_to_stop

__all__ = ["MEASURED_AGAIN", "Standing", "StopRule", "rules_of", "why_to_stop"]
