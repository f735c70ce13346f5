"""python -m al."""

from al.commands import program

program()
