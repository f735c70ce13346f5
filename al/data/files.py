"""Files of published data sets: found beside the project, else fetched and checked."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from zipfile import ZipFile

from al.errors import DataError
from al.scratch import scratch_folder
from al.whole import whole_file


def fetch(folder: str, name: str, url: str, sha256: str) -> Path:
    """The path of a checked file.

    It is looked for in `$AL_DATA_DIR/folder/name`; where it is missing it is downloaded to
    there, or to the user's cache if `AL_DATA_DIR` is not set. Where the URL is that of a zip
    file and the name is not, the file of that name is taken out of it. A URL that ends with a
    slash is the home of data that was packed anew, and cannot be fetched from there.

    Raises:
        DataError: the file is corrupt, or missing and cannot be downloaded.
    """
    import pooch

    root = Path(os.environ.get("AL_DATA_DIR") or pooch.os_cache("active-learning-pipeline"))
    path = root / folder / name
    if not path.exists():
        log = pooch.get_logger()
        log.setLevel("WARNING")
        try:
            if url.endswith("/"):
                raise LookupError("the file was packed anew from what is there")
            if url.endswith(".zip") and not name.endswith(".zip"):
                _taken_out(url, path)
            else:
                pooch.retrieve(url, f"sha256:{sha256}", name, path.parent, progressbar=True)
        except Exception as error:  # network, disk and hash errors of many libraries
            reason = str(error).partition("\n")[0]
            raise DataError(
                f"{path} is missing and {url} cannot be fetched ({reason}): "
                "put the file there, or set AL_DATA_DIR to the folder that holds it"
            ) from error
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise DataError(
            f"{path} is corrupt (sha256 {found[:12]}…, expected {sha256[:12]}…): "
            "delete it to fetch it again"
        )
    return path


def _taken_out(url: str, path: Path) -> None:
    """Download a zip file and keep the one file of it that is wanted, whole or not at all."""
    import pooch

    with scratch_folder() as scratch:
        whole = pooch.retrieve(url, None, "whole.zip", scratch, progressbar=True)
        with ZipFile(whole) as members:
            content = members.read(path.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as file:
        file.write(content)
