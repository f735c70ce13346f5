"""Entry point select-model."""

from __future__ import annotations

from typing import Any

from al.cli import step_command


@step_command("select-model", defaults=False)
def main(given: dict[str, Any]) -> None:
    """Elect the best checkpoint, register it, and promote it if it is good enough."""
    from al.pipeline import Campaign

    Campaign(entry="select-model", **given).step("select-model")


if __name__ == "__main__":
    main()
