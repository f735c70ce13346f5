"""Identity of the code that makes a result: what is kept for later dies when the code changes."""

from __future__ import annotations

import hashlib
import sys
from functools import lru_cache
from pathlib import Path

_HERE = Path(__file__).parent
_PACKAGE = __name__.partition(".")[0]


def code_digest(made_by: object) -> str:
    """Digest of this package's code and of the code that an object's class comes from.

    All of `al` counts, as sure beats minimal: an upgrade computes again what was kept. Of code
    of one's own its whole package counts, or, where it is in none, its module and the modules
    beside it that are imported; of installed libraries none.

    Returns:
        16 hexadecimal digits.
    """
    digest = hashlib.sha256(package_digest().encode())
    name = type(made_by).__module__
    digest.update(f"{name}.{type(made_by).__qualname__}".encode())
    if name.partition(".")[0] != _PACKAGE:
        for path in _beside(name):
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


@lru_cache(maxsize=1)
def package_digest() -> str:
    """Digest of this package's code, as it was when the process first asked."""
    digest = hashlib.sha256()
    for path in sorted(_HERE.rglob("*.py")):
        digest.update(path.relative_to(_HERE).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def _beside(name: str) -> list[Path]:
    """Files of code that a module belongs to; none where it has no file, as in a notebook."""
    file = getattr(sys.modules.get(name), "__file__", None)
    if file is None or not Path(file).is_file():
        return []
    top = name.partition(".")[0]
    if paths := getattr(sys.modules.get(top), "__path__", None):
        return sorted(path for root in paths for path in Path(root).rglob("*.py"))
    files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    folder = Path(file).parent
    return sorted({Path(f) for f in files if f and Path(f).parent == folder})
