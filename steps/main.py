"""Entry point main."""

from __future__ import annotations

from typing import Any

from al.cli import step_command


@step_command("main", defaults=True)
def main(given: dict[str, Any]) -> None:
    """Run a campaign from where it stands to its last cycle, and its baseline beside it."""
    from al.pipeline import Campaign

    Campaign(entry="main", **given).run()


if __name__ == "__main__":
    main()
