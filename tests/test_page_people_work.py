"""People at work on published data of each kind: what is collected is what they meant, even where
the server is killed under their hands."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser import MISSING, Browser, until
from tests.page_person import Person
from tests.page_process import page

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(MISSING), reason=MISSING)]
ASKED = 4
#: What each data set needs in AL_DATA_DIR, and the options of its page.
NEEDS: dict[str, tuple[str, dict[str, str]]] = {
    "digits": ("", {}),
    "banking77": ("banking77/train.csv", {}),
    "bike-sharing": ("bike-sharing/hour.csv", {"range": "0..1000", "unit": "bikes"}),
    "bccd": ("bccd/bccd_voc.zip", {}),
    "pets3": ("pets3/pets3.zip", {}),
    "text-entities": ("", {}),
}


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    browser = Browser(tmp_path_factory.mktemp("profile"), size="1280,900")
    yield browser
    browser.close()


@pytest.mark.parametrize("kind", NEEDS)
def test_what_a_person_means_is_collected_though_the_server_is_killed_half_way(
    kind: str, browser: Browser, serve: Callable[..., Any], tmp_path: Path
) -> None:
    needed, options = NEEDS[kind]
    if needed and not (Path(os.environ.get("AL_DATA_DIR", "nowhere")) / needed).exists():
        pytest.skip(f"AL_DATA_DIR holds no {needed}")
    found, query = page(str(tmp_path), kind, ASKED, **options)
    server, person, meant = serve(kind, ASKED, **options), Person(browser), {}
    browser.open(found_at(tmp_path))
    browser.run("localStorage.clear(); localStorage.setItem('annotator', 'anna')")
    browser.reload()
    for place, id in enumerate(query.ids):
        person.sees(place)
        if place == ASKED // 2:
            server.kill()
            server.wait()
        meant[id] = person.answers(found.data, id, odd=place == 1)
        if place == ASKED // 2:
            until(lambda: browser.sees("#trouble"))
            assert "is sent again until it is kept" in browser.text("#trouble")
            assert len(found.collect(query).answered) == ASKED // 2
            serve(kind, ASKED, **options)
    until(lambda: browser.sees("#over"))
    assert browser.text("#over-title") == f"All {ASKED} answered"
    heard = found.collect(query)
    kept = {one.id: found.data.on_picture(one.id, one.label) for one in heard.answered}
    if kind == "bccd":  # answers are in the pixels that are learned from
        for id, boxes in kept.items():
            assert [one["label"] for one in boxes] == [one["label"] for one in meant[id]]
            for one, other in zip(boxes, meant[id], strict=True):
                assert one["box"] == pytest.approx(other["box"], abs=0.01)
    else:
        assert kept == meant
    assert (heard.skipped, heard.waiting) == ((), ())
    assert {one.annotator for one in heard.answered} == {"anna"}
    browser.open("about:blank")


def found_at(folder: Path) -> str:
    """Where the page is."""
    kept = json.loads((folder / ".page.json").read_text())
    return f"http://127.0.0.1:{kept['port']}/{kept['token']}/"
