"""What passes from cycle to cycle: labels with their provenance, and one small record."""

from al.state.columns import check_columns
from al.state.contents import Contents
from al.state.copies import contradictory, with_copies
from al.state.corrections import changed_labels, of_copies, with_written
from al.state.labels import LabelTable
from al.state.many import labels_in, texts_of
from al.state.record import SCHEMA, ChampionRecord, State, ids_digest
from al.state.rows import GIVEN, as_json
from al.state.shape import as_written, read_as

__all__ = [
    "GIVEN",
    "SCHEMA",
    "ChampionRecord",
    "Contents",
    "LabelTable",
    "State",
    "as_json",
    "as_written",
    "changed_labels",
    "check_columns",
    "contradictory",
    "ids_digest",
    "labels_in",
    "of_copies",
    "read_as",
    "texts_of",
    "with_copies",
    "with_written",
]
