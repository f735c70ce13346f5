"""What passes from cycle to cycle: labels with their provenance, and one small record."""

from al.state.labels import LabelTable
from al.state.record import SCHEMA, ChampionRecord, State, ids_digest

__all__ = ["SCHEMA", "ChampionRecord", "LabelTable", "State", "ids_digest"]
