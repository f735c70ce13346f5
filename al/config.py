"""Every parameter of a campaign, once: its name, type, default, range and help line.

The click options of all steps, the parameters in `MLproject`, the table in docs/reference.md and
the keyword arguments of `al.Campaign` are this class seen from outside; a test holds them
to it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from al import parameter as of
from al.errors import ConfigError, UnknownName, did_you_mean

#: Parameters that have a few values.
CHOICES = {
    "promote": ("not-worse", "always", "ask"),
    "balance": ("off", "on"),
    "costs": ("off", "on"),
    "validation": ("set", "folds"),
    "calibrate": ("off", "on"),
    "embeddings": ("float32", "float16"),
    "precision": ("float32", "bfloat16"),
    "compare": ("interval", "plain"),
    "audit_by": ("uniform", "doubt"),
    "missing": ("stop", "drop"),
    "new_classes": ("ask", "grow", "refuse"),
    "copies": ("once", "keep"),
    "head": ("linear", "mlp"),
    "finetune": ("off", "on"),
    "report": ("on", "off"),
    "class_weights": ("none", "balanced"),
    "augment": ("off", "crops", "flips"),
    "init": ("scratch", "champion", "shrink-perturb"),
    "kind": ("auto", "class", "number"),
    "label_separator": ("none", "pipe", "comma", "semicolon", "space"),
    "separator": ("auto", "comma", "semicolon", "tab", "pipe"),
    "decimal": ("auto", "point", "comma"),
}
#: Parameters that are a number or "off".
NUMBER_OR_OFF = ("kpi", "goal")
#: Strategy that stands for that of the kind of problem.
DEFAULT = "default"
#: Parameters that go to the task, where it takes them; see `al.catalog.make_task`.
OF_TASK = (
    "data", "target", "text", "kind", "features", "drop", "missing_labels", "label_separator",
    "separator", "decimal",
    "classes", "background", "ignore", "estimator", "image_size", "encoder", "head", "embeddings",
    "finetune", "sheet", "augment",
)  # fmt: skip


@dataclass(frozen=True)
class Config:
    """The typed configuration of a campaign.

    Raises:
        ConfigError: a value has the wrong type or is out of range.
    """

    task: str = of.data("digits", "What to learn: a catalog name or package.module:Object.")
    data: str = of.data(
        "none", "Your own data: folder or file, here or below AL_DATA_DIR; or none.", free=True
    )
    target: str = of.data("none", "Column of your data that holds the labels; or none.")
    text: str = of.data("none", "Column of your data that holds the text; or none.")
    kind: str = of.data(
        "auto", "What the target of your rows is: class, number, or auto to detect it."
    )
    features: str = of.data(
        "none", "Columns of your rows to learn from, separated by commas; none is all useful ones."
    )
    drop: str = of.data(
        "none", "Columns of your rows not to learn from, separated by commas; or none."
    )
    missing_labels: str = of.data(
        "none", "Texts in the target that mean no label, separated by commas; or none.", free=True
    )
    label_separator: str = of.data(
        "none",
        "What separates labels in a cell of your target: pipe, comma, semicolon, space; none.",
    )
    separator: str = of.data(
        "auto", "What separates the cells of your file: comma, semicolon, tab, pipe, or auto."
    )
    decimal: str = of.data(
        "auto", "Decimal mark of the numbers in your file: point, comma, or auto to detect it."
    )
    classes: str = of.data(
        "none",
        "Classes: a file, names (of masks in the order of values, or value=name), separated by "
        "commas; none takes those in the data, which needs labels then.",
    )
    background: str = of.data(
        "auto",
        "Background class of your masks, by name or value; none; auto finds it by name.",
    )
    ignore: str = of.data(
        "none", "Values in your masks that mean unknown, separated by commas; or none."
    )
    sheet: str = of.data("auto", "Sheet of your workbook; auto is the first one.")
    estimator: str = of.data(
        "none",
        "What learns from your data, where the task offers a choice; none is its default.",
        later=True,
    )
    image_size: int = of.data(
        0,
        "Side in pixels that your images are scaled to; 0 is the encoder's, or without one 64 "
        "(128 for boxes).",
        low=0,
    )
    encoder: str = of.data(
        "auto",
        "Pretrained model that reads your images or texts: a catalog name, a Hugging Face folder, "
        "hf:ORG/NAME, package.module:Object, none, or auto for what is installed.",
    )
    head: str = of.data(
        "linear", "What learns on the encoder's vectors: linear or mlp.", later=True
    )
    finetune: str = of.data(
        "off", "Train the encoder with its head, once that is fitted: on or off; for GPUs."
    )
    strategy: str = of.choosing(
        DEFAULT,
        "How the Data Selector chooses: a name, module:Object, a chain a(10x) > b, or default, "
        "which suits the kind of labels.",
        later=True,
    )
    cold_start: str = of.choosing(
        DEFAULT,
        "Strategy of a cycle that has no champion; default is typiclust where labels are classes "
        "or an encoder reads the data, else random.",
        later=True,
    )
    initial_size: int = of.choosing(
        20, "Samples asked about while there is no champion.", low=1, later=True
    )
    query_size: int = of.choosing(20, "Samples asked about in each later cycle.", low=1, later=True)
    explore: float = of.choosing(0.0, "Share of each query drawn uniformly, 0 to 1.", later=True)
    balance: str = of.choosing(
        "off", "Balance the predicted classes of a query: on or off.", later=True
    )
    costs: str = of.choosing(
        "off", "Measure queries by annotation cost, not by samples: on or off.", later=True
    )
    copies: str = of.choosing(
        "once", "Exact copies are asked about once, with one answer for all; or keep, each alone."
    )
    passes: int = of.choosing(
        20, "Stochastic passes of the model, where a strategy reads them.", low=1, later=True
    )
    calibrate: str = of.choosing(
        "off",
        "Scale the model's probabilities on validation before it is asked: on or off.",
        later=True,
    )
    embeddings: str = of.choosing(
        "float32", "Precision of the embeddings kept on disk: float32 or float16."
    )
    precision: str = of.choosing(
        "float32",
        "Precision in which networks score the pool: float32, or bfloat16, which is quicker.",
        later=True,
    )
    cycles: int = of.stopping(
        10, "Cycles of the campaign in all; raise it to go on.", low=1, free=True
    )
    label_budget: int = of.stopping(
        0, "Maximum of labels in all; 0 for no limit.", low=0, free=True
    )
    goal: str = of.stopping("off", "Validation metric that ends the campaign; or off.", free=True)
    plateau: int = of.stopping(
        0,
        "Cycles without a gain above noise that end the campaign; 0 is off.",
        low=0,
        free=True,
    )
    stable: float = of.stopping(
        0.0,
        "Agreement of successive champions that ends the campaign, 0.99 say; 0 is off.",
        free=True,
    )
    deadline: str = of.stopping(
        "off",
        "No cycle starts after it: 90m, 8h, 2d from the start, or a date and time; or off.",
        free=True,
    )
    stop: str = of.stopping(
        "none",
        "Other rules that end the campaign: names or module:function, separated by commas; "
        "or none.",
        free=True,
    )
    missing: str = of.data(
        "stop", "Where labelled samples vanish from the data: stop, or drop them.", free=True
    )
    validation: str = of.data(
        "set",
        "What models are judged by: a set of labelled samples put aside, or folds, the labels "
        "that they learn, by copies that have not seen them.",
    )
    validation_size: int = of.data(
        100, "Labelled samples kept for validation; they cost too.", low=1
    )
    labels_from: str = of.data(
        "none",
        "Campaign whose labels and splits a new one begins with, or a file or folder that "
        "al export wrote; or none.",
    )
    label_map: str = of.data(
        "none",
        "File that renames, merges and splits the classes of labels_from: CSV with columns old "
        "and new, or JSON; or none.",
    )
    seed: int = of.campaign(0, "Seed of every draw.", low=0)
    annotator: str = of.annotating(
        "oracle", "Who answers: a catalog name or package.module:Object.", later=True
    )
    annotator_options: str = of.annotating(
        "none", "Options of the annotator: name=value, name=value; or none.", free=True
    )
    new_classes: str = of.annotating(
        "ask",
        "Answers that name a class the task does not know stop a cycle (ask), add it from the next "
        "cycle on (grow), or are refused.",
        free=True,
    )
    quorum: float = of.annotating(
        1.0, "Share of a query after whose answers a cycle goes on, 0 to 1.", free=True
    )
    answers_within: str = of.annotating(
        "off", "A cycle goes on after this time with what is answered: 8h, 2d; or off.", free=True
    )
    wait: str = of.annotating(
        "off", "How long a command waits for answers before it ends: 30m, 2h; or off.", free=True
    )
    label_cost: float = of.annotating(
        0.0, "What a label costs, in any currency, for the report; 0 leaves money out.", free=True
    )
    folds: int = of.annotating(
        4,
        "Models trained across people's labels after each cycle to find wrong ones; 0 is off.",
        low=0,
        free=True,
    )
    second_opinions: float = of.annotating(
        0.0, "Share of each query that asks about labels that look wrong once more.", free=True
    )
    kpi: str = of.judging(
        "off", "Metric the champion must reach on new answers to skip training; or off.", later=True
    )
    compare: str = of.judging(
        "interval",
        "Retrain when the KPI's interval reaches beyond it, or by the plain mean.",
        later=True,
    )
    metric: str = of.judging(
        "auto",
        "Metric that counts, by a name that the kind of labels has; auto is the task's, or what "
        "suits the labels.",
    )
    audit: float = of.judging(
        0.2, "Share of each query drawn by chance to measure the KPI on, 0 to 1.", later=True
    )
    audit_by: str = of.judging(
        "uniform",
        "How those are drawn: uniform, or doubt, more often where the champion is unsure.",
        later=True,
    )
    criterion: str = of.judging(
        "auto",
        "How the best checkpoint is chosen: max:METRIC, min:METRIC; auto is the task's metric.",
        later=True,
    )
    promote: str = of.judging(
        "not-worse",
        "Promote a winner that is not-worse than the champion, or always; or ask a person.",
        later=True,
    )
    candidates: int = of.training(
        1, "Training runs a cycle, each with its own seed.", low=1, later=True
    )
    class_weights: str = of.training(
        "none", "Give rare classes more weight in training: balanced; or none.", later=True
    )
    augment: str = of.training(
        "off",
        "What training does to images: crops, flips (crops and mirror images), or off.",
        later=True,
    )
    init: str = of.training(
        "scratch", "Weights to train from: scratch, champion or shrink-perturb.", later=True
    )
    epochs: int = of.training(60, "Maximum epochs of a training run.", low=1, later=True)
    patience: int = of.training(
        20, "Epochs without a better validation before training stops.", low=1, later=True
    )
    checkpoints: int = of.training(4, "Checkpoints a full training run saves.", low=1, later=True)
    batch_size: int = of.training(32, "Samples in a training batch.", low=1, later=True)
    lr: float = of.training(0.003, "Learning rate.", low=0.0, later=True)
    finetune_lr: float = of.training(
        0.00003, "Learning rate of an encoder and its head, with finetune=on.", low=0.0, later=True
    )
    campaign: str = of.campaign("auto", "Name of the campaign; auto names it after its parameters.")
    model: str = of.campaign("auto", "Name of the registered model; auto is the campaign's name.")
    device: str = of.campaign(
        "auto", "cpu, cuda, cuda:1 …; auto takes a GPU where there is one.", free=True
    )
    engine: str = of.campaign(
        "local",
        "Where models run over many samples: a catalog name or package.module:Object.",
        free=True,
    )
    engine_options: str = of.campaign(
        "none", "Options of the engine: name=value, name=value; or none.", free=True
    )
    notify: str = of.campaign(
        "none",
        "Where events are sent: env:NAME, a variable that holds the URL of a webhook; or none.",
        free=True,
    )
    baseline: str = of.campaign(
        "random", "Strategy that main runs for comparison, with the oracle; or none.", free=True
    )
    report: str = of.campaign(
        "on",
        "Write report.html to the campaign's run when a cycle is closed: on or off.",
        free=True,
    )

    def __post_init__(self) -> None:
        for parameter in dataclasses.fields(self):
            value = of.typed(parameter, getattr(self, parameter.name))
            object.__setattr__(self, parameter.name, value)
        for name, choices in CHOICES.items():
            value = getattr(self, name)
            if value not in choices:
                raise ConfigError(f"{name}={value}: {did_you_mean(value, choices)}")
        for name in ("explore", "audit", "stable", "quorum", "second_opinions"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise ConfigError(f"{name}={value:g}: give a share from 0 to 1")
        if self.by_folds and self.validation_size != type(self).validation_size:
            raise ConfigError(
                f"validation_size={self.validation_size}: validation=folds puts no samples aside: "
                "give one of the two"
            )
        if not self.label_cost >= 0:
            raise ConfigError(f"label_cost={self.label_cost:g}: give 0 or more")
        for name in NUMBER_OR_OFF:
            self._number_or_off(name)
        for name in ("campaign", "model"):
            value = getattr(self, name)
            if not re.fullmatch(r"[\w.\-]{1,200}", value):
                raise ConfigError(
                    f"{name}={value!r} is not a name: use letters, digits, '.', '_' and '-'"
                )

    @property
    def kpi_value(self) -> float | None:
        """The KPI as a number; None when it is off."""
        return self._number_or_off("kpi")

    @property
    def goal_value(self) -> float | None:
        """The goal as a number; None when it is off."""
        return self._number_or_off("goal")

    def _number_or_off(self, name: str) -> float | None:
        text = getattr(self, name)
        if text == "off":
            return None
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise ConfigError(f"{name}={text!r} is not a number: give one, or off")
        return value

    @property
    def by_folds(self) -> bool:
        """Whether the labels themselves judge models, through copies that have not seen them."""
        return self.validation == "folds"

    @property
    def rate(self) -> float:
        """The learning rate of what is trained."""
        return self.finetune_lr if self.finetune == "on" else self.lr

    @property
    def put_aside(self) -> int:
        """Labelled samples that are put aside for validation."""
        return 0 if self.by_folds else self.validation_size

    @property
    def audits(self) -> bool:
        """Whether an audit slice is drawn: only where a KPI is judged by it."""
        return self.kpi_value is not None and self.compare == "interval" and self.audit > 0

    @property
    def named(self) -> bool:
        """Whether the name is known: an automatic one says the strategy."""
        return self.campaign != "auto" or self.strategy != DEFAULT

    @property
    def name(self) -> str:
        """The campaign's name.

        The automatic one says task, strategy and seed and whatever differs from the
        defaults, so that the same command always means the same campaign. Of where the
        data lies it says the last part, which is the same on every machine.
        """
        if self.campaign != "auto":
            return self.campaign
        if not self.named:
            raise ConfigError(
                f"strategy={DEFAULT} is that of the kind of problem, which is not known here: "
                "name a strategy, or the campaign"
            )
        words = [self.task, self.strategy, f"seed{self.seed}"]
        if self.data != "none":
            words.insert(1, PurePath(self.data).name)
        for parameter in dataclasses.fields(self):
            value = getattr(self, parameter.name)
            names_it = parameter.name in ("task", "strategy", "seed", "campaign", "model")
            if not names_it and not parameter.metadata["free"] and value != parameter.default:
                words.append(f"{parameter.name}-{value}")
        full = "-".join(words)
        name = re.sub(r"[^\w.\-]+", "-", full)
        if len(name) > 120 or re.search(r"[()<>=\"']", full):
            # tags and model names have limits, and two chains may read alike: stay distinct
            name = f"{name[:100].strip('-')}-{hashlib.sha256(full.encode()).hexdigest()[:8]}"
        return name

    @property
    def model_name(self) -> str:
        """The registered model's name."""
        return self.name if self.model == "auto" else self.model

    @property
    def of_task(self) -> dict[str, Any]:
        """The parameters of the task that were given."""
        given = ((p.name, getattr(self, p.name), p.default) for p in dataclasses.fields(self))
        return {n: value for n, value, default in given if n in OF_TASK and value != default}

    def replace(self, **changes: Any) -> Config:
        """A copy with other values."""
        return dataclasses.replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Plain values by name."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Config:
        """From names and values, as a person or a file gives them.

        Raises:
            UnknownName: a name that is not a parameter.
        """
        known = {parameter.name for parameter in dataclasses.fields(cls)}
        for name in values:
            if name not in known:
                raise UnknownName(f"unknown parameter {name!r}: {did_you_mean(name, known)}")
        return cls(**values)

    def resumed_with(self, given: Mapping[str, Any]) -> Config:
        """This campaign's configuration, with what may change taken from `given`.

        Raises:
            ConfigError: `given` contradicts what the campaign was started with.
        """
        wanted = Config.from_dict({**self.to_dict(), **given})
        for parameter in dataclasses.fields(self):
            was, now = getattr(self, parameter.name), getattr(wanted, parameter.name)
            if parameter.metadata["free"] or parameter.name in ("campaign", "model") or was == now:
                continue
            named = given.get("campaign", "auto") != "auto"
            self._check_change(parameter, now, named=named)
        if "model" in given and given["model"] not in ("auto", self.model_name):
            raise ConfigError(
                f"campaign {self.name!r} keeps its models under {self.model_name!r}, not "
                f"{given['model']!r}: leave model out, or start another campaign"
            )
        return self.replace(
            **{
                p.name: getattr(wanted, p.name)
                for p in dataclasses.fields(self)
                if p.metadata["free"] or p.metadata["later"]
            }
        )

    def _check_change(self, parameter: dataclasses.Field[Any], now: Any, *, named: bool) -> None:
        """Refuse a value that is not the campaign's, unless it may change.

        Raises:
            ConfigError: says how to go on, to change it or to fork the campaign.
        """
        name, was = parameter.name, getattr(self, parameter.name)
        line = f"campaign {self.name!r} runs with {name}={was}, not {now}"
        if not parameter.metadata["later"]:
            raise ConfigError(
                f"{line}: pass {name}={was}, or fork it: another campaign name with {name}={now} "
                f"and labels_from={self.name}"
            )
        if not named:
            raise ConfigError(
                f"{line}: pass {name}={was}, or change it by campaign={self.name} and {name}={now}"
            )

    def changes_of(self, other: Config) -> dict[str, Any]:
        """What may change from the next cycle on and is another value in `other`.

        The annotator's options go with the annotator.
        """
        found = {
            p.name: getattr(other, p.name)
            for p in dataclasses.fields(self)
            if p.metadata["later"] and getattr(self, p.name) != getattr(other, p.name)
        }
        options = other.annotator_options
        if "annotator" in found and options != self.annotator_options:
            found["annotator_options"] = options
        return found
