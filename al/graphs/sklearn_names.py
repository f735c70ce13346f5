"""Estimators by the text that names them."""

from __future__ import annotations

import ast
import importlib
from typing import Any

from al.errors import ConfigError, UnknownName, did_you_mean


def estimator_named(text: str, *, of_numbers: bool) -> Any:
    """The estimator that a text like `sklearn.ensemble.RandomForestClassifier(max_depth=3)` names.

    Args:
        of_numbers: whether labels are numbers rather than classes.

    Raises:
        UnknownName: there is no such class.
        ConfigError: it is not an estimator for such labels, or does not take these parameters.
    """
    from sklearn.base import is_classifier, is_regressor

    try:
        call = ast.parse(text, mode="eval").body
        if not isinstance(call, ast.Call):
            call = ast.Call(func=call, args=[], keywords=[])
        path = ast.unparse(call.func)
        given = {str(word.arg): ast.literal_eval(word.value) for word in call.keywords}
        if call.args or "None" in given or not isinstance(call.func, ast.Attribute):
            raise ValueError
    except (SyntaxError, ValueError):
        raise ConfigError(
            f"estimator={text!r}: write package.module.Class, or package.module.Class(name=value)"
        ) from None
    made = _found(path)
    try:
        estimator = made(**given)
        right = is_regressor(estimator) if of_numbers else is_classifier(estimator)
    except Exception as error:  # whatever a constructor of somebody else raises
        reason = " ".join(str(error).split())[:120]
        raise ConfigError(f"estimator={text!r} cannot be made ({reason}): check it") from error
    if not right:
        wanted = "regressor, as the target is a number" if of_numbers else (
            "classifier, as the target is a class"
        )  # fmt: skip
        raise ConfigError(f"estimator={text!r} is not a {wanted}: pass another")
    if not of_numbers and not hasattr(estimator, "predict_proba"):
        raise ConfigError(
            f"estimator={text!r} gives no probabilities, which selection and metrics need: pass "
            "another, or one with probability=True"
        )
    return estimator


def _found(path: str) -> Any:
    module_name, _, name = path.rpartition(".")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise UnknownName(f"estimator {path!r}: {error}: check the name, or install it") from error
    if not hasattr(module, name):
        public = [word for word in dir(module) if not word.startswith("_")]
        raise UnknownName(
            f"estimator {path!r}: {module_name} has no {name!r}: {did_you_mean(name, public)}"
        )
    found = getattr(module, name)
    if not (isinstance(found, type) and hasattr(found, "fit") and hasattr(found, "predict")):
        raise ConfigError(
            f"estimator={path!r} is not an estimator of scikit-learn's kind: pass another"
        )
    return found
