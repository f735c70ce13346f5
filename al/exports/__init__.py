"""Labels that leave: formats of the field, a file each.

Exceptions:
    ExportError: a format cannot hold these labels, or where they go to is taken.
"""

from al.exports.base import Format, Guess, Labels
from al.exports.writing import export, table_of

__all__ = ["Format", "Guess", "Labels", "export", "table_of"]
