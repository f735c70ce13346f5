"""What a notebook shows of a campaign and of a result: a few lines of HTML, light or dark."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import pandas as pd


def facts(title: str, values: Mapping[str, str]) -> str:
    """A title and a row for each value; all of it text, which is escaped."""
    rows = [
        f'<tr><th style="text-align: left">{escape(name)}</th>'
        f'<td style="text-align: left">{escape(value)}</td></tr>'
        for name, value in values.items()
    ]
    return f"<div><b>{escape(title)}</b><table>{''.join(rows)}</table></div>"


def curve(sentence: str, table: pd.DataFrame) -> str:
    """A sentence above a table of numbers; colours are those of the notebook."""
    shown = table.to_html(border=0, float_format="{:.3f}".format, na_rep="–", escape=True)
    return f"<div><p>{escape(sentence)}</p>{shown}</div>"
