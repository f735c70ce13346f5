"""The keyword arguments of `al.Campaign`, for type checkers, editors and `help`."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any, TypedDict, TypeVar, get_type_hints

from al.config import Config

F = TypeVar("F", bound=Callable[..., Any])


class Keywords(TypedDict, total=False):
    """The parameters of `Config` with their types; `python -m docs.tables` writes them anew."""

    # keywords
    task: str
    data: str
    target: str
    text: str
    kind: str
    features: str
    drop: str
    missing_labels: str
    label_separator: str
    separator: str
    decimal: str
    classes: str
    background: str
    ignore: str
    sheet: str
    estimator: str
    image_size: int
    encoder: str
    head: str
    finetune: str
    strategy: str
    cold_start: str
    initial_size: int
    query_size: int
    explore: float
    balance: str
    costs: str
    copies: str
    passes: int
    calibrate: str
    embeddings: str
    precision: str
    cycles: int
    label_budget: int
    goal: str | float
    plateau: int
    stable: float
    deadline: str
    stop: str
    missing: str
    validation: str
    validation_size: int
    labels_from: str
    label_map: str
    seed: int
    annotator: str
    annotator_options: str
    new_classes: str
    quorum: float
    answers_within: str
    wait: str
    label_cost: float
    folds: int
    second_opinions: float
    kpi: str | float
    compare: str
    metric: str
    audit: float
    audit_by: str
    criterion: str
    promote: str
    candidates: int
    class_weights: str
    augment: str
    init: str
    epochs: int
    patience: int
    checkpoints: int
    batch_size: int
    lr: float
    finetune_lr: float
    campaign: str
    model: str
    device: str
    engine: str
    engine_options: str
    notify: str
    baseline: str
    report: str
    # end


def with_parameters(method: F) -> F:
    """Decorator: `inspect.signature` shows each parameter of Config in place of `**parameters`."""
    signature = inspect.signature(method)
    own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    hints = get_type_hints(Keywords)
    parameters = [
        inspect.Parameter(
            p.name, inspect.Parameter.KEYWORD_ONLY, default=p.default, annotation=hints[p.name]
        )
        for p in dataclasses.fields(Config)
    ]
    method.__signature__ = signature.replace(parameters=[*own, *parameters])  # type: ignore[attr-defined]
    return method
