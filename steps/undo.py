"""Entry point undo."""

from __future__ import annotations

from typing import Any

from al.cli import step_command


@step_command(
    "undo", defaults=False, extra={"reason": ("", "Why the present version has to go; kept.")}
)
def main(given: dict[str, Any]) -> None:
    """Move Production back to the version that was there before the present one."""
    from al.pipeline import Campaign

    reason = given.pop("reason")
    Campaign(entry="undo", **given).undo(reason)


if __name__ == "__main__":
    main()
