"""Masks painted anew and boxes drawn anew in their files: the later word, as of classes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from al.catalog import make_task
from al.data import MaskFolderLoader, decode_mask
from al.masks import VOID
from al.state import changed_labels
from tests.own_data import boxes_folder, masks_folder
from tests.stores import runs
from tests.test_mask_folder import NAMED, loaded
from tests.test_seen_data import rows_of

Make = Callable[..., Any]


def paint(path: Path, value: int = 1) -> None:
    """Say that the whole image is of one value."""
    Image.fromarray(np.full((16, 24), value, np.uint8)).save(path)


def draw(path: Path) -> None:
    """Say that there is one box, in the middle."""
    path.write_text("1 0.5 0.5 0.25 0.25")


def whole(data: MaskFolderLoader, label: Any) -> list[int]:
    """The classes that a mask holds."""
    found: list[int] = np.unique(decode_mask(label, 2, void=True)).tolist()
    return found


def test_a_mask_that_is_painted_anew_is_another_label_than_was_seen(folder: Path) -> None:
    things = masks_folder(folder / "things", labelled=12, unlabelled=3)
    data = loaded(things)
    before = data.seen()
    assert before["images/003.png"].label == data.truth(["images/003.png"])[0]
    paint(things / "masks" / "003.png")
    paint(things / "masks" / "013.png")
    (things / "masks" / "004.png").unlink()
    data.refresh()
    changed = changed_labels(before, data.seen(), data.samples.ids)
    assert list(changed) == ["images/003.png", "images/013.png"]
    assert whole(data, changed["images/003.png"]) == [1, VOID]
    again = loaded(things)
    again.refresh()
    assert again.seen() == data.seen()


FILES: dict[str, tuple[Callable[..., Path], dict[str, Any], str, Callable[[Path], None]]] = {
    "mask-folder": (
        masks_folder,
        {**NAMED, "image_size": 16, "encoder": "none"},
        "masks/{}.png",
        paint,
    ),
    "yolo": (
        lambda folder, **how: boxes_folder(folder, "yolo", **how),
        {"image_size": 24, "encoder": "none"},
        "labels/{}.txt",
        draw,
    ),
}
PEOPLE = {"mask-folder": "tests.test_mask_folder:Painters", "yolo": "tests.test_own_boxes:Drawers"}


@pytest.mark.slow
@pytest.mark.parametrize("task", FILES)
def test_what_is_corrected_in_files_of_masks_and_boxes_counts_from_the_next_cycle_on(
    campaign: Make, client: Any, folder: Path, caplog: pytest.LogCaptureFixture, task: str
) -> None:
    make, more, name, change = FILES[task]
    things = make(folder / "things", labelled=30, unlabelled=20)
    parameters = {
        "task": task, "data": str(things), **more, "epochs": 2, "query_size": 4, "cycles": 1,
        "initial_size": 4, "validation_size": 6, "annotator": PEOPLE[task], "campaign": "c",
        "folds": 0,
    }  # fmt: skip
    campaign(**parameters).run()
    rows = rows_of(client)
    asked = rows.index[rows["annotator"] == "me"][0]
    given = rows.index[rows["annotator"] == "given"][0]
    data = make_task(task, {"data": str(things), **more}).data()
    known = [*data.propose_splits(6, 0).test]
    for id in (asked, given, *known):
        change(things / name.format(Path(id).stem))
    campaign(**{**parameters, "cycles": 2}).run()
    rows, data = rows_of(client), make_task(task, {"data": str(things), **more}).data()
    for id, by in ((asked, "me"), (given, "given")):
        assert rows.loc[id, "annotator"] == "given"
        assert json.loads(rows.loc[id, "label"]) == data.truth([id])[0]
        (before,) = json.loads(rows.loc[id, "before"])
        assert before["annotator"] == by
    assert "2 labels were corrected in the data (" in caplog.text
    assert f"{len(known)} labels for validation or test were changed in the data (" in caplog.text
    assert "v1 is measured again, val/" in caplog.text
    assert max(map(len, caplog.text.splitlines())) < 1000  # no mask is written out
    (run,) = runs(client, role="campaign")
    metric = "mean_iou" if task == "mask-folder" else "map50"
    assert len(client.get_metric_history(run.info.run_id, f"test/{metric}")) == 3
