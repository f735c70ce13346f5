"""Entities in texts of one's own: files in the formats of the field, read into one form."""

from al.data.entities.loader import EntityFileLoader, EntityLoader
from al.data.entities.serving import entities_given, entity_inputs
from al.data.entities.tokens import FEATURES, HASHED, tokens_of
from al.data.entities.vectors import reading_words

__all__ = [
    "FEATURES",
    "HASHED",
    "EntityFileLoader",
    "EntityLoader",
    "entities_given",
    "entity_inputs",
    "reading_words",
    "tokens_of",
]
