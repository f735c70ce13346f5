"""Entry point annotate."""

from __future__ import annotations

from typing import Any

from al.cli import step_command


@step_command("annotate", defaults=False)
def main(given: dict[str, Any]) -> None:
    """Ask the annotator about the query and collect the answers."""
    from al.pipeline import Campaign

    Campaign(entry="annotate", **given).step("annotate")


if __name__ == "__main__":
    main()
