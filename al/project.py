"""The MLproject in a folder: what it gives an entry point is what the command takes there."""

from __future__ import annotations

from pathlib import Path

from al.errors import ConfigError

NAME = "MLproject"


def defaults_of(entry: str, folder: Path) -> dict[str, str]:
    """Defaults of the entry point that runs `al ENTRY`, so that both do the same in a folder.

    None where the folder has no MLproject, or its entry point of that name runs something else.

    Raises:
        ConfigError: the file cannot be read.
    """
    path = folder / NAME
    if not path.is_file():
        return {}
    import yaml

    try:
        found = yaml.load(path.read_bytes(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (OSError, ValueError, yaml.YAMLError) as error:
        what = " ".join(str(error).split())
        raise ConfigError(f"{path} cannot be read ({what}): mend it") from error
    try:
        point = found["entry_points"][entry]
        words, rows = point["command"].split(), point["parameters"].items()
        defaults = {name: row["default"] for name, row in rows if "default" in row}
    except (AttributeError, KeyError, TypeError):  # a project of another sort
        return {}
    ours = words[:2] == ["al", entry] or words[:4] == ["python", "-m", "al", entry]
    return {name: str(value) for name, value in defaults.items()} if ours else {}
