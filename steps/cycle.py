"""Entry point cycle."""

from __future__ import annotations

from typing import Any

from al.cli import step_command


@step_command("cycle", defaults=False)
def main(given: dict[str, Any]) -> None:
    """Run exactly one cycle: the one that is open to its end, or the next."""
    from al.pipeline import Campaign

    Campaign(entry="cycle", **given).cycle()


if __name__ == "__main__":
    main()
