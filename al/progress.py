"""One progress bar for terminals and notebooks; silent where nobody is watching."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tqdm.auto import tqdm

#: False switches all bars off; None shows them on a terminal or in a notebook only.
shown: bool | None = None


def bar(**options: Any) -> tqdm[Any]:
    """A bar that vanishes when done, so that the lines a user keeps stay together."""
    from tqdm.auto import tqdm  # late: a served version needs none

    return tqdm(disable=None if shown is None else not shown, leave=False, **options)


def say(line: str) -> None:
    """Print a line above whatever bar is open."""
    from tqdm.auto import tqdm

    tqdm.write(line)
