"""Who may answer from other machines: people with a link of their own each.

`.people.json` beside what is asked holds name and secret of each; only the user who runs the page
can read it. It is read anew when it changes, so who is invited or shut out is so at once, while
the page is served.
"""

from __future__ import annotations

import hmac
import json
import secrets
from contextlib import AbstractContextManager
from pathlib import Path

from al.errors import ConfigError, DataError, did_you_mean
from al.whole import whole_file

#: Most letters of a name.
LETTERS = 80
#: Joiners inside words of several scripts, which count as unprintable.
_JOINERS = dict.fromkeys((0x200C, 0x200D))


def plain(value: object) -> str:
    """A name without spaces that nobody sees; "" where it is none."""
    return " ".join(value.split()) if isinstance(value, str) else ""


def printable(name: str) -> bool:
    """Whether each letter can be written to files, and seen."""
    return name.translate(_JOINERS).isprintable()


def name_of(value: object) -> str:
    """A person's name as it goes with labels.

    Raises:
        DataError: it is none.
    """
    name = plain(value)
    if not 0 < len(name) <= LETTERS or not printable(name):
        raise DataError(f"who are you? give a name of up to {LETTERS} letters")
    return name


class People:
    """The people of a page.

    Args:
        folder: of what is asked and answered.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self._path = folder, folder / ".people.json"
        self._read: tuple[tuple[int, int, int], dict[str, str]] | None = None  # of which file

    def links(self) -> dict[str, str]:
        """The secret of each person's link, by name.

        Raises:
            DataError: the file is damaged.
        """
        try:
            stat = self._path.stat()
            which = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            if self._read is None or self._read[0] != which:
                kept = json.loads(self._path.read_text())
                if not all(
                    isinstance(secret, str) and len(secret) > 20 for secret in kept.values()
                ):
                    raise ValueError
                self._read = which, dict(kept)
        except FileNotFoundError:
            return {}
        except (AttributeError, RecursionError, ValueError):
            raise DataError(
                f"{self._path} is damaged: restore it, or delete it and invite people anew"
            ) from None
        return self._read[1]

    def who(self, secret: str) -> str | None:
        """The person whose link it is."""
        found = None
        for name, theirs in self.links().items():  # all of them, so that time tells nothing
            if hmac.compare_digest(theirs.encode(), secret.encode(errors="replace")):
                found = name
        return found

    def invite(self, name: str) -> str:
        """The secret of a person's link; the same one where they have one.

        Raises:
            ConfigError: that is not a name.
        """
        try:
            name = name_of(name)
        except DataError:
            raise ConfigError(
                f"{name!r} is not a name: give one of up to {LETTERS} letters"
            ) from None
        with self._alone():
            links = self.links()
            if name not in links:
                self._write({**links, name: secrets.token_urlsafe(24)})
            return self.links()[name]

    def revoke(self, name: str) -> None:
        """The person's link opens nothing any more; their answers stay.

        Raises:
            ConfigError: nobody of this name is invited.
        """
        with self._alone():
            links = dict(self.links())
            if links.pop(plain(name), None) is None:
                fix = did_you_mean(name, links) if links else "nobody is"
                raise ConfigError(f"{name!r} is not invited: {fix}")
            self._write(links)

    def _alone(self) -> AbstractContextManager[object]:
        from filelock import FileLock

        self.folder.mkdir(parents=True, exist_ok=True)
        return FileLock(self.folder / ".people.lock", timeout=60)

    def _write(self, links: dict[str, str]) -> None:
        with whole_file(self._path, 0o600) as file:
            file.write(json.dumps(links, indent=1).encode())
        self._read = None
