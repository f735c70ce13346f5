"""Entry point train."""

from __future__ import annotations

from typing import Any

from al.cli import step_command


@step_command("train", defaults=False)
def main(given: dict[str, Any]) -> None:
    """Train this cycle's candidates on all labels so far."""
    from al.pipeline import Campaign

    Campaign(entry="train", **given).step("train")


if __name__ == "__main__":
    main()
