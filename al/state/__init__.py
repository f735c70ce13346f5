"""What passes from cycle to cycle: labels with their provenance, and one small record."""

from al.state.columns import check_columns
from al.state.copies import contradictory, with_copies
from al.state.labels import LabelTable
from al.state.record import SCHEMA, ChampionRecord, State, ids_digest
from al.state.shape import as_written, read_as

__all__ = [
    "SCHEMA",
    "ChampionRecord",
    "LabelTable",
    "State",
    "as_written",
    "check_columns",
    "contradictory",
    "ids_digest",
    "read_as",
    "with_copies",
]
