"""Entities in texts of one's own: files in the formats of the field, read into one form."""

from al.data.entities.loader import EntityFileLoader, EntityLoader
from al.data.entities.serving import entities_given, entity_inputs
from al.data.entities.tokens import HASHED, tokens_of

__all__ = [
    "HASHED",
    "EntityFileLoader",
    "EntityLoader",
    "entities_given",
    "entity_inputs",
    "tokens_of",
]
