"""Boxes in Pascal VOC's XML (Everingham et al. 2010), whose first pixel is 1."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from al.data.boxes.listed import Entry, Index, Listed, Named, NothingListed, split_named

_CORNERS = ("xmin", "ymin", "xmax", "ymax")


def read_voc(root: Path, images: Sequence[str], only: Path | None = None) -> Listed:
    """All XML files of annotations below a folder.

    A file without objects labels its image: there are none. Splits are what ImageSets/Main says,
    or folders.

    Raises:
        DataError: there are no such files.
    """
    found, index = Listed(), Index(images)
    sets = _sets(root)
    names, count = set(), 0
    for path in sorted(root.rglob("*.xml")):
        name = path.relative_to(root).as_posix()
        if path.name.startswith("."):
            continue
        try:
            tree = ElementTree.parse(path).getroot()
        except (OSError, ElementTree.ParseError) as error:
            found.note("files are not XML and left out", f"{name}: {error}")
            continue
        if tree.tag != "annotation":
            continue
        count += 1
        near = Path(name).parent.as_posix().removeprefix(".")
        filename = (tree.findtext("filename") or "").strip()
        at = index.find(filename, near) if filename else None
        at = at or index.find(path.stem, near)
        if at is None:
            found.note("files are of images that are not there, or that several fit", name)
            continue
        if at in found.entries:
            found.note("images have two files, of which the first counts", f"{name}: {at}")
            continue
        found.entries[at] = _entry(tree, name, found)
        names |= {one.label for one in found.entries[at].boxes}
        if split := sets.get(path.stem) or split_named(name):
            found.splits[at] = split
    if not count:
        raise NothingListed(f"{root} holds no XML file of Pascal VOC: put them into Annotations")
    found.know(sorted(names))
    found.notes.append(f"{count} XML files{', splits by ImageSets/Main' if sets else ''}")
    return found


def _entry(tree: ElementTree.Element, name: str, found: Listed) -> Entry:
    boxes = []
    try:
        sides = [float(tree.findtext(f"size/{side}") or 0) for side in ("width", "height")]
        for thing in tree.iter("object"):
            box = thing.find("bndbox")
            label = (thing.findtext("name") or "").strip()
            if box is None or not label:
                found.note("objects have no box or no name and are left out", name)
                continue
            left, top, right, low = (float(box.findtext(at) or "") for at in _CORNERS)
            if thing.findtext("difficult") == "1":
                found.note("objects are called difficult and used like the others", name)
            boxes.append(Named(label, (left - 1, top - 1, right - left + 1, low - top + 1)))
    except ValueError as error:
        return Entry([], name, why=f"{error}")
    return Entry(boxes, name, (sides[0], sides[1]) if all(sides) else None)


def _sets(root: Path) -> dict[str, str]:
    """The split of each stem, as ImageSets/Main has it."""
    found: dict[str, str] = {}
    for split in ("test", "val", "train"):
        for path in sorted(root.rglob(f"ImageSets/Main/{split}.txt")):
            words = (line.split() for line in path.read_text("utf-8", "replace").splitlines())
            found |= {Path(some[0]).stem if "." in some[0] else some[0]: split
                      for some in words if some}  # fmt: skip
    return found
