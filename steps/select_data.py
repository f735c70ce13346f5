"""Entry point select-data."""

from __future__ import annotations

from typing import Any

from al.cli import step_command


@step_command("select-data", defaults=False)
def main(given: dict[str, Any]) -> None:
    """Choose which samples to ask about, with the model in Production."""
    from al.pipeline import Campaign

    Campaign(entry="select-data", **given).step("select-data")


if __name__ == "__main__":
    main()
