"""Fitted scikit-learn estimators as files that hold no code.

skops writes what an estimator is made of: names of classes, and arrays as .npy. It is read
again only if every class is one that skops itself trusts or that is listed here, so loading
runs nothing that a stranger put into the file. The fitted estimator is kept rather than its
training data to fit again: another machine would fit another one, as sums depend on the
number of threads, and training data stays where it is.

skops names things by their place in memory; here they are numbered in order, so that equal
estimators make equal files.
"""

from __future__ import annotations

import io
import json
import zipfile
from functools import lru_cache
from pathlib import Path
from typing import Any

from al.errors import ConfigError, DataError

#: Classes of scikit-learn that hold numbers, and that skops leaves to its users to trust.
TRUSTED = (
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.gaussian_process.kernels.CompoundKernel",
    "sklearn.gaussian_process.kernels.ConstantKernel",
    "sklearn.gaussian_process.kernels.DotProduct",
    "sklearn.gaussian_process.kernels.Matern",
    "sklearn.gaussian_process.kernels.Product",
    "sklearn.gaussian_process.kernels.RBF",
    "sklearn.gaussian_process.kernels.RationalQuadratic",
    "sklearn.gaussian_process.kernels.Sum",
    "sklearn.gaussian_process.kernels.WhiteKernel",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.tree._tree.Tree",
    "sklearn.utils._bunch.Bunch",
)
#: Files whose estimators are remembered: those of the champion and of who stands against it.
READ = 2
#: Of every entry, so that a file does not depend on when it was written.
_THEN = (1980, 1, 1, 0, 0, 0)


def to_bytes(estimator: Any, name: str) -> bytes:
    """The estimator, or a dict of some and numbers, as a file.

    Args:
        name: of the estimator, for messages.

    Raises:
        ConfigError: it holds what cannot be kept without code.
    """
    import skops.io

    try:
        content = skops.io.dumps(estimator)
        strange = skops.io.get_untrusted_types(data=content)
    except Exception as error:  # whatever an estimator of somebody else raises
        reason = " ".join(str(error).split())[:120]
        raise ConfigError(
            f"a {name} cannot be kept as numbers ({reason}): pass another estimator"
        ) from error
    if unknown := sorted(set(strange) - set(TRUSTED)):
        raise ConfigError(
            f"a {name} holds a {unknown[0]}, which cannot be kept without "
            "running code to load it: pass another estimator"
        )
    return _numbered(content)


def from_file(path: Path) -> Any:
    """The estimator in a file.

    Raises:
        DataError: the file is missing or damaged, or holds what is not trusted.
    """
    try:
        return from_bytes(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path.name} is missing ({error.strerror}): restore it") from error


def from_bytes(content: bytes) -> Any:
    """The estimator that `to_bytes` wrote; the same object for the same file, as who has one
    fits another rather than change it.

    Raises:
        DataError: it is damaged, or holds what is not trusted.
    """
    return _read(content)


@lru_cache(maxsize=READ)
def _read(content: bytes) -> Any:
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        return skops.io.loads(content, trusted=list(TRUSTED))
    except UntrustedTypesFoundException as error:
        strange = set(skops.io.get_untrusted_types(data=content)) - set(TRUSTED)
        raise DataError(
            f"the estimator's file holds a {min(strange)}, which is not trusted: restore it"
        ) from error
    except Exception as error:  # skops raises many kinds for a damaged file
        reason = " ".join(str(error).split())[:120]
        raise DataError(f"the estimator's file is damaged ({reason}): restore it") from error


def _numbered(content: bytes) -> bytes:
    """The file with ids and names of its parts in the order in which they come."""
    ids: dict[int, int] = {}
    files: dict[str, str] = {}

    def walk(node: Any) -> Any:
        if isinstance(node, list):
            return [walk(part) for part in node]
        if not isinstance(node, dict):
            return node
        found: dict[str, Any] = {}
        for key, value in node.items():
            if key == "__id__":
                found[key] = ids.setdefault(value, len(ids))
            elif key == "file" and isinstance(value, str):
                suffix = value.rpartition(".")[2]
                found[key] = files.setdefault(value, f"{len(files)}.{suffix}")
            else:
                found[key] = walk(value)
        return found

    with zipfile.ZipFile(io.BytesIO(content)) as old:
        schema = walk(json.loads(old.read("schema.json")))
        aside = io.BytesIO()
        with zipfile.ZipFile(aside, "w", zipfile.ZIP_DEFLATED) as new:
            for name, number in files.items():
                new.writestr(_entry(number), old.read(name))
            new.writestr(_entry("schema.json"), json.dumps(schema))
    return aside.getvalue()


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _THEN)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry
