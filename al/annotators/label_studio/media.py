"""Images, to where annotators' browsers find them."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

import numpy as np

from al.annotators.label_studio.forms import DRAWN
from al.annotators.label_studio.server import Server
from al.contracts import DataLoader
from al.errors import AnnotatorError, ConfigError
from al.kinds import kind_of
from al.whole import whole_file

#: Ways to hand images over.
WAYS = ("auto", "upload", "local", "url")
#: The server takes so many files at once, and so many bytes but for the last of them.
_AT_ONCE, _BYTES = 100, 32_000_000
#: Small images are shown in whole multiples of at least so many pixels.
_VISIBLE = 256
#: Below the root of the server's local files.
FOLDER = "active-learning"


def check_media(way: str, root: str) -> None:
    """Refuse options that contradict each other.

    Raises:
        ConfigError: says which.
    """
    if way == "local" and not root:
        raise ConfigError("images=local without media: give the root of the server's local files")
    if root and not Path(root).is_absolute():
        raise ConfigError(f"media={root} is not an absolute path: give one")


def addresses(
    data: DataLoader, ids: Sequence[str], way: str, server: Server, project: int, campaign: str,
    root: str, root_there: str,
) -> dict[str, str]:  # fmt: skip
    """Where a browser finds the image of each sample; what is there already stays.

    Args:
        way: one of `WAYS`; auto takes the sample's own URL where it has one, and uploads others.
        root: of the server's local files, as this machine sees it.
        root_there: the same as the server sees it.
    """
    own = {id: source for id in ids if (source := data.source(id) or "").startswith("http")}
    if way == "url":
        if lacking := [id for id in ids if id not in own]:
            raise AnnotatorError(f"sample {lacking[0]!r} has no URL: pass images=upload or local")
        return own
    if way == "local":
        return _local(data, ids, server, project, campaign, Path(root), root_there or root)
    if way == "upload":
        own = {}
    rest = [id for id in ids if id not in own]
    return own | (_upload(data, rest, server, project, campaign) if rest else {})


def picture(data: DataLoader, id: str) -> bytes:
    """A sample as PNG; in its own size where shapes are drawn on it."""
    from PIL import Image

    image = data.picture(id)
    assert image is not None  # asked of image tasks only
    if kind_of(data.spec).form not in DRAWN:
        times = -(-_VISIBLE // min(image.shape[:2]))
        image = image.repeat(times, axis=0).repeat(times, axis=1)
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).save(file, "PNG")
    return file.getvalue()


def _name(campaign: str, id: str) -> str:
    return hashlib.sha256(f"{campaign}\0{id}".encode()).hexdigest()[:24] + ".png"


def _upload(
    data: DataLoader, ids: Sequence[str], server: Server, project: int, campaign: str
) -> dict[str, str]:
    there = _uploaded(server, project)
    names = {id: _name(campaign, id) for id in ids}
    missing = [id for id in ids if names[id] not in there]
    path = f"/api/projects/{project}/import?commit_to_project=false"
    files: dict[str, tuple[str, bytes, str]] = {}
    for id in missing:
        files[names[id]] = (names[id], picture(data, id), "image/png")
        size = sum(len(content) for _, content, _ in files.values())
        if len(files) == _AT_ONCE or size >= _BYTES or id == missing[-1]:
            server.change("POST", path, files=files)
            files = {}
    there = _uploaded(server, project) if missing else there
    return {id: there[name] for id, name in names.items()}


def _uploaded(server: Server, project: int) -> Mapping[str, str]:
    """Our name of each file → where it is; the server puts eight digits and a dash before it."""
    found = server.get(f"/api/projects/{project}/file-uploads", all="true")
    return {entry["file"].rpartition("/")[2][9:]: f"/data/{entry['file']}" for entry in found}


def _local(
    data: DataLoader, ids: Sequence[str], server: Server, project: int, campaign: str,
    root: Path, root_there: str,
) -> dict[str, str]:  # fmt: skip
    place = f"{FOLDER}/{campaign}"
    folder = root / place
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for id in ids:
            file = folder / _name(campaign, id)
            if not file.exists():
                with whole_file(file) as aside:
                    aside.write(picture(data, id))
    except OSError as error:
        raise AnnotatorError(
            f"{folder} cannot be written ({error.strerror}): give as media the root of the "
            "server's local files"
        ) from error
    path = f"{root_there.rstrip('/')}/{place}"
    storages = server.get("/api/storages/localfiles", project=project)
    if path not in {storage["path"] for storage in storages}:
        storage = {"project": project, "title": FOLDER, "path": path, "use_blob_urls": True}
        server.change("POST", "/api/storages/localfiles", json=storage)
    return {id: f"/data/local-files/?d={quote(f'{place}/{_name(campaign, id)}')}" for id in ids}
