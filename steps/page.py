"""Entry point page."""

from __future__ import annotations

from typing import Any

from al.cli import step_command


@step_command("page", defaults=False)
def main(given: dict[str, Any]) -> None:
    """Serve the page on which people answer the query, until they say that it is finished."""
    from al.pipeline import Campaign

    Campaign(entry="page", **given).page()


if __name__ == "__main__":
    main()
