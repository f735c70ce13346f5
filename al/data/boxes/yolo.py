"""Boxes in YOLO's text files: a line a box, in shares of the image's sides."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from al.data.boxes.listed import Entry, Listed, Named, NothingListed, split_named
from al.errors import DataError

#: Files that name the classes, where no .yaml does; the last is Darknet's.
_NAMES = ("classes.txt", "labels/classes.txt", "obj.names")


def read_yolo(root: Path, images: Sequence[str], only: Path | None = None) -> Listed:
    """The text file of each image: `labels/…/1.txt` of `images/…/1.jpg`, or the one beside it.

    An empty file labels its image: there are no boxes. Names and splits are those of the .yaml
    file in the folder; splits that overlap say nothing, and then folders do.

    Args:
        only: the .yaml file, if one was named.

    Raises:
        DataError: there are no names or no text files.
    """
    found = Listed()
    texts = {
        path: text
        for path in images
        if (text := next((t for t in _texts_of(path) if (root / t).is_file()), None))
    }
    if not texts:
        raise NothingListed(f"no image in {root} has a text file of boxes: put labels/1.txt beside "
                            "images/1.jpg, an empty file for an image without boxes")  # fmt: skip
    config, file = _config(root, only)
    names = _names(config.get("names"), root, file)
    found.know(names.values())
    sets = _sets(config, root, images)
    for path, text in texts.items():
        found.entries[path] = _entry(root / text, text, names)
        if split := sets.get(path) or ("" if sets else split_named(path)):
            found.splits[path] = split
    found.notes.append(f"{len(found.entries)} text files, {file or 'names'} for the classes")
    return found


def _texts_of(path: str) -> list[str]:
    """Where the text file of an image may lie."""
    pure = PurePosixPath(path)
    parts = list(pure.parts)
    places = []
    for number in range(len(parts) - 2, -1, -1):
        if parts[number].lower() == "images":
            parts[number] = "labels"
            places.append("/".join(parts))
            break
    places += [path, f"labels/{pure.name}"]
    return [str(PurePosixPath(place).with_suffix(".txt")) for place in places]


def _entry(path: Path, name: str, names: dict[int, str]) -> Entry:
    boxes = []
    try:
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            if not line.strip():
                continue
            kind, *values = (float(word) for word in line.split())
            if int(kind) not in names or kind != int(kind):
                return Entry([], name, why=f"line {number}: class {kind:g}, which has no name")
            if len(values) == 4:
                x, y, width, height = values
                box = (x - width / 2, y - height / 2, width, height)
            elif len(values) >= 6 and len(values) % 2 == 0:  # an outline
                x, y = min(values[::2]), min(values[1::2])
                box = (x, y, max(values[::2]) - x, max(values[1::2]) - y)
            else:
                return Entry([], name, why=f"line {number}: {len(values) + 1} numbers, not 5")
            boxes.append(Named(names[int(kind)], box))
    except (OSError, ValueError) as error:
        return Entry([], name, why=" ".join(str(error).split())[:80])
    return Entry(boxes, name, shares=True)


def _config(root: Path, only: Path | None) -> tuple[dict[str, Any], str]:
    """The .yaml file's content and name; empty without such a file."""
    import yaml

    files = [only] if only else sorted([*root.glob("*.yaml"), *root.glob("*.yml")])
    for path in files:
        try:
            config = yaml.safe_load(path.read_text("utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            reason = " ".join(str(error).split())[:100]
            raise DataError(f"{path} is no YAML ({reason}): mend it") from None
        if isinstance(config, dict) and "names" in config:
            return config, path.name
    return {}, ""


def _names(config: Any, root: Path, file: str) -> dict[int, str]:
    if isinstance(config, list):
        return {number: str(name) for number, name in enumerate(config)}
    if isinstance(config, dict) and all(str(key).isdecimal() for key in config):
        return {int(key): str(name) for key, name in config.items()}
    for name in _NAMES:
        if (root / name).is_file():
            lines = (root / name).read_text("utf-8", "replace").split("\n")
            return {n: line.strip() for n, line in enumerate(lines) if line.strip()}
    raise DataError(f"{root / (file or 'data.yaml')} names no classes: write names: [a, b] there")


def _sets(config: dict[str, Any], root: Path, images: Sequence[str]) -> dict[str, str]:
    """The split of each image that the .yaml file says; nothing where splits overlap."""
    found: dict[str, str] = {}
    base = str(config.get("path") or ".")
    for split in ("train", "val", "test"):
        value = config.get(split)
        for text in value if isinstance(value, list) else [value] if value else []:
            for path in _paths(str(text), base, root, images):
                if found.setdefault(path, split) != split:
                    return {}
    return found


def _paths(text: str, base: str, root: Path, images: Sequence[str]) -> list[str]:
    """The images of a split: those below a folder, or that a text file lists."""
    for start in (base, "."):
        parts = [p for p in PurePosixPath(start, text).parts if p not in ("..", "/", root.name)]
        place = "/".join(parts)
        if place.endswith(".txt") and (root / place).is_file():
            lines = (root / place).read_text("utf-8", "replace").split("\n")
            ends = {line.strip().replace("\\", "/").removeprefix("./") for line in lines} - {""}
            return [path for path in images if any(end.endswith(path) for end in ends)]
        if some := [path for path in images if path.startswith(f"{place}/")]:
            return some
    return []
