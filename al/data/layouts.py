"""How the folders that images lie in say what is known of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: What folders of splits are called, by any program and in any case.
SPLIT_OF = {
    "train": "train", "training": "train",
    "val": "val", "valid": "val", "validation": "val", "dev": "val",
    "test": "test", "testing": "test",
}  # fmt: skip
#: Folders beside those of classes whose images have none.
UNLABELLED = frozenset({"unlabelled", "unlabeled", "unsorted", "inbox", "pool"})
#: Classes that a line names.
NAMED = 5


@dataclass(frozen=True)
class Layout:
    """A way of laying images out.

    Attributes:
        base: folder that all of it lies in, "" or with / behind it.
        by: "splits", where `train/CLASS/…` says the class; "classes", where the folders of the
            base are the classes; "0.1" for splits as they were taken before there was a choice.
    """

    base: str = ""
    by: str = "0.1"

    @classmethod
    def of(cls, paths: Sequence[str]) -> Layout:
        """The layout of some images, by their paths with /."""
        base = ""
        while True:
            heads = {path[len(base) :].partition("/")[0::2] for path in paths}
            folders = {name for name, inside in heads if inside}
            only = next(iter(folders)) if len(folders) == 1 else ""
            if not only or only.lower() in SPLIT_OF or any(not inside for _, inside in heads):
                break
            base += f"{only}/"
        splits = any(name.lower() in SPLIT_OF for name in folders)
        classes = [name for name in folders if name.lower() not in UNLABELLED]
        return cls(base, "classes" if not splits and len(classes) > 1 else "splits")

    @classmethod
    def from_details(cls, details: Mapping[str, Any]) -> Layout:
        """That of a campaign, from the details of its spec."""
        return cls(*details["layout"]) if "layout" in details else cls()

    @property
    def details(self) -> dict[str, Any]:
        """What a spec keeps of it."""
        return {} if self.by == "0.1" else {"layout": [self.base, self.by]}

    def known(self, path: str) -> tuple[str | None, str]:
        """Class and split that an image's path says; None and "" where it says none."""
        if not path.startswith(self.base):
            return None, ""
        parts = path[len(self.base) :].split("/")
        if self.by == "classes":
            labelled = len(parts) > 1 and parts[0].lower() not in UNLABELLED
            return (parts[0], "") if labelled else (None, "")
        split = SPLIT_OF.get(parts[0].lower(), "") if self.by == "splits" else _as_before(parts[0])
        return (parts[1], split) if split and len(parts) > 2 else (None, "")

    def holds_classes(self, folder: str) -> bool:
        """Whether the folders in a folder name classes, be they empty; it ends with /."""
        if self.by == "classes":
            return folder == self.base
        name = folder.removeprefix(self.base).removesuffix("/")
        return folder.startswith(self.base) and (
            SPLIT_OF.get(name.lower()) == "train" if self.by == "splits" else name == "train"
        )

    def summary(self, paths: Sequence[str]) -> list[str]:
        """Lines of what it makes of these images."""
        lines = []
        if self.base:
            lines.append(f"everything is in {self.base}, whose folders are looked at")
        known = {path: self.known(path) for path in paths}
        if self.by == "classes":
            counts = Counter(label for label, _ in known.values() if label is not None)
            some = [f"{name!r} {counts[name]}" for name in sorted(counts)[:NAMED]]
            more = f" and {len(counts) - NAMED} more" if len(counts) > NAMED else ""
            lines.append(
                f"there is no folder train/: folders are the classes ({', '.join(some)}{more}); "
                "put images without a class next to them or into unlabelled/, or sort what has one "
                "into train/CLASS/"
            )
        for name in sorted({path[len(self.base) :].partition("/")[0] for path in paths}):
            split = SPLIT_OF.get(name.lower())
            if self.by == "splits" and split and name != split:
                count = sum(path.startswith(f"{self.base}{name}/") for path in paths)
                lines.append(f"{name}/ is taken for {split}/ ({count} images)")
        depth = self.base.count("/") + (1 if self.by == "classes" else 2)
        deep = [p for p, (label, _) in known.items() if label and p.count("/") > depth]
        if deep:
            lines.append(
                f"{len(deep)} images are in folders inside that of their class, {deep[0]!r} first, "
                f"which is of {known[deep[0]][0]!r}: move the inner folders up if they are the "
                "classes"
            )
        return lines


def _as_before(folder: str) -> str:
    return folder if folder in ("train", "val", "test") else ""
