"""Entry point compare."""

from __future__ import annotations

from typing import Any

from al.cli import step_command


@step_command("compare", defaults=False)
def main(given: dict[str, Any]) -> None:
    """Measure the model in Production on the new answers against the KPI."""
    from al.pipeline import Campaign

    Campaign(entry="compare", **given).step("compare")


if __name__ == "__main__":
    main()
