"""The project of a campaign: found or made, and its labelling config made or checked."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

from al.annotators.label_studio.forms import DRAWN, MARKED, OTHER, TAGS, Form
from al.annotators.label_studio.server import Missing, Server
from al.contracts import DataSpec, Preview
from al.errors import AnnotatorError, did_you_mean
from al.kinds import kind_of

_log = logging.getLogger(__name__)

#: What a preview holds → the tags that can show it; ours is the first.
_SHOWN_BY = {"image": ("Image",), "text": ("Text", "HyperText"), "row": ("Table",)}
#: What a task's data holds besides the sample itself.
FIELDS = ("item_id", "batch_id", "cycle", "rank", "score", "shown")
#: How many of its Choices may be chosen, by form.
_CHOICE = {"choice": "single", "choices": "multiple"}
#: A title is cut by the server after so many letters, and has to have 3.
_TITLE = 50
#: More classes than this are a list to choose from.
_IN_SIGHT = 20


@dataclass(frozen=True)
class Project:
    """A project whose config fits the task."""

    id: int
    url: str
    form: Form
    model_version: str


def find(
    server: Server, wanted: str, campaign: str, spec: DataSpec, shown: str, overlap: int, *,
    prelabel: bool = False, grows: bool = False,
) -> Project | None:  # fmt: skip
    """The project of that number or title; None where no project has that title.

    Where no project has it, people may have renamed the one that was made for the campaign; its
    description still says so.

    Args:
        shown: "image", "text" or "row".
        overlap: how many people answer a sample.
        prelabel: whether predictions are shown.
        grows: people may name classes that the task does not know.

    Raises:
        AnnotatorError: it is not there, or does not fit; says what does not.
    """
    if wanted.isdecimal():
        try:
            found = server.get(f"/api/projects/{wanted}")
        except Missing:
            raise AnnotatorError(
                f"project {wanted} is not on {server.url}, or was deleted: give the number or "
                "title of another one as project, or none to have one made"
            ) from None
        if prelabel and not found.get("show_collab_predictions", True):
            raise AnnotatorError(
                f"{server.url}/projects/{wanted} does not show predictions: allow it under "
                "Settings, Annotation, or leave prelabel off"
            )
        found = _renewed(server, found, spec, shown, grows=grows)
        return _checked(server, found, spec, shown, overlap, grows=grows)
    named = server.get("/api/projects", title=wanted, page_size=1000)["results"]
    same = sorted(entry["id"] for entry in named if entry["title"] == wanted)
    number = same[0] if same else _made_for(server, campaign)
    if number is None:
        return None
    return find(server, str(number), campaign, spec, shown, overlap, prelabel=prelabel, grows=grows)


def _made_for(server: Server, campaign: str) -> int | None:
    """The number of the project that was made for a campaign, whatever it is called by now."""
    for entry in server.get("/api/projects", page_size=1000, ordering="id")["results"]:
        if entry["description"] == _description(campaign):
            _log.info(f"the campaign's samples are in project {entry['id']}, {entry['title']!r}")
            return int(entry["id"])
    return None


def _description(campaign: str) -> str:
    return f"Samples that the active learning campaign {campaign} asks about."


def make(
    server: Server, title: str, campaign: str, spec: DataSpec, shown: str, *, overlap: int,
    prelabel: bool, grows: bool = False,
) -> Project:  # fmt: skip
    """A new project for the campaign."""
    made = server.change(
        "POST",
        "/api/projects",
        json={
            "title": title,
            "description": _description(campaign),
            "label_config": config(spec, shown, grows=grows),
            "maximum_annotations": overlap,
            "show_collab_predictions": prelabel,
            "sampling": "Sequential sampling",  # the order that was asked in
        },
    )
    project = _checked(server, made, spec, shown, overlap, grows=grows)
    _log.info(f"made project {project.id} in Label Studio: {project.url}")
    return project


def _renewed(
    server: Server, found: dict[str, Any], spec: DataSpec, shown: str, *, grows: bool
) -> dict[str, Any]:
    """The project, with all classes to choose from where its config is one of ours.

    Nothing is removed: people's answers stay as they are.
    """
    text = str(found["label_config"])
    grows = grows or f'name="{OTHER}"' in text
    wanted = config(spec, shown, grows=grows)
    counts = range(1, len(spec.classes) + 1)
    fewer = (replace(spec, classes=spec.classes[:count]) for count in counts)
    ours = {config(less, shown, grows=g) for less in fewer for g in {grows, False}}
    if text == wanted or text not in ours:
        return found
    path = f"/api/projects/{found['id']}"
    server.change("PATCH", path, json={"label_config": wanted})
    return {**found, "label_config": wanted}


def title_of(campaign: str) -> str:
    """A title that says which campaign it is, as long as the server allows."""
    if 3 <= len(campaign) <= _TITLE and not campaign.isdecimal():
        return campaign
    if len(campaign) < 10:
        return f"campaign {campaign}"
    return f"{campaign[: _TITLE - 9]}-{hashlib.sha256(campaign.encode()).hexdigest()[:8]}"


def shown_as(preview: Preview) -> str:
    """What a preview holds: "image", "text" or "row"."""
    return next(name for name in _SHOWN_BY if getattr(preview, name) is not None)


def config(spec: DataSpec, shown: str, *, grows: bool = False) -> str:
    """The labelling config of a task.

    Args:
        grows: with a field in which people name a class that the task does not know.

    Raises:
        AnnotatorError: shapes can be drawn on images only, entities marked in texts only.
    """
    kind = kind_of(spec)
    form = kind.form
    if shown != "image" and form in DRAWN:
        raise AnnotatorError(f"{kind.labels_are} are drawn on images; this task shows a {shown}")
    if shown != "text" and form in MARKED:
        raise AnnotatorError(f"{kind.labels_are} are marked in texts; this task shows a {shown}")
    tag = _SHOWN_BY[shown][0]
    if form in MARKED:
        controls = _shapes("Labels", "label", spec.classes)
    elif form == "value":
        controls = '<Number name="label" toName="sample" required="true"/>'
    elif form not in DRAWN:
        choice = _CHOICE[form]
        layout = "inline" if len(spec.classes) <= _IN_SIGHT else "select"
        required = ' required="true"' if form == "choice" and not grows else ""
        # A class that is one sign has that key; else keys are 1, 2, 3 in the classes' order.
        keys = all(re.fullmatch("[a-z0-9]", name) for name in spec.classes)
        choices = "".join(
            f"<Choice value={quoteattr(name)}{f' hotkey={quoteattr(name)}' if keys else ''}/>"
            for name in spec.classes
        )
        controls = (
            f'<Choices name="label" toName="sample" choice="{choice}" layout="{layout}"{required}>'
            f"{choices}</Choices>"
        )
        if grows:
            controls += (
                f'<TextArea name="{OTHER}" toName="sample" maxSubmissions="1" '
                'placeholder="None of these? Name another class"/>'
            )
    elif form == "rectangles":
        controls = _shapes("RectangleLabels", "label", spec.classes, 'canRotate="false"')
    else:  # what nobody paints is of the background, or of no known class
        controls = _shapes("BrushLabels", "brush", kind.drawable)
        controls += _shapes("PolygonLabels", "polygon", kind.drawable)
    zoom = ' zoom="true" zoomControl="true"' if shown == "image" else ""
    return f'<View><{tag} name="sample" value="${shown}"{zoom}/>{controls}</View>'


def _shapes(tag: str, name: str, classes: Sequence[str], more: str = "") -> str:
    labels = "".join(f"<Label value={quoteattr(label)}/>" for label in classes)
    return f'<{tag} name="{name}" toName="sample" {more}>{labels}</{tag}>'


def _checked(
    server: Server, found: dict[str, Any], spec: DataSpec, shown: str, overlap: int, *, grows: bool
) -> Project:
    url = f"{server.url}/projects/{found['id']}/data"
    try:
        form = replace(form_of(str(found["label_config"]), spec, shown), grows=grows)
    except AnnotatorError as error:
        raise AnnotatorError(f"the labelling config of {url} does not fit: {error}") from None
    most = found.get("maximum_annotations", 1)
    if most < overlap:
        raise AnnotatorError(
            f"{url} takes {most} annotations of a task and overlap={overlap} are wanted: raise "
            "it in the project's settings, or give overlap=" + str(most)
        )
    return Project(int(found["id"]), url, form, str(found.get("model_version") or ""))


def form_of(text: str, spec: DataSpec, shown: str) -> Form:
    """How a labelling config shows samples and takes labels.

    Raises:
        AnnotatorError: it does not fit the task; says what does not.
    """
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise AnnotatorError(f"it is no XML ({error}): mend it") from None
    kind = kind_of(spec)
    tags = TAGS[kind.form]
    controls = [tag for tag in root.iter() if tag.tag in tags]
    targets = {tag.get("toName", "") for tag in controls}
    if not controls:
        raise AnnotatorError(f"it has no {' or '.join(tags)}, for {kind.labels_are}: add one")
    alone = kind.form not in DRAWN
    if len(targets) > 1 or (alone and len(controls) > 1):
        names = ", ".join(repr(tag.get("name")) for tag in controls)
        raise AnnotatorError(f"it has {len(controls)} {tags[0]}, {names}: leave one")
    right = _CHOICE.get(kind.form)
    if right and (controls[0].get("choice") == "multiple") != (right == "multiple"):
        raise AnnotatorError(f'its Choices are not {right}: set choice="{right}"')
    for control in controls:
        _check_classes(control, spec)
    (target,) = targets
    tag = next((tag for tag in root.iter() if tag.get("name") == target), None)
    by = _SHOWN_BY[shown][:1] if kind.form in MARKED else _SHOWN_BY[shown]
    if tag is None or tag.tag not in by:
        is_one = f"is {tag.tag}" if tag is not None else "is not there"
        raise AnnotatorError(
            f"samples are {shown}s, and {target!r} {is_one}: make it {_SHOWN_BY[shown][0]}"
        )
    key = tag.get("value", "").removeprefix("$")
    for variable in _variables(root):
        if variable not in (key, *FIELDS):
            raise AnnotatorError(
                f"it shows ${variable}, which samples do not have: "
                f"{did_you_mean(variable, (key, *FIELDS))}"
            )
    kinds = {str(control.get("name")): control.tag for control in controls}
    return Form(kind, target, key, kinds)


def _check_classes(control: ElementTree.Element, spec: DataSpec) -> None:
    kind = kind_of(spec)
    if kind.form == "value":
        return
    wanted = kind.drawable
    given = [
        child.get("alias") or child.get("value") or ""
        for child in control.iter()
        if child.tag in ("Choice", "Label")
    ]
    name = f"{control.tag} {control.get('name')!r}"
    if lacking := [label for label in wanted if label not in given]:
        raise AnnotatorError(f"{name} lacks {_listed(lacking)}: add a choice for each class")
    if strange := [label for label in given if label not in spec.classes]:
        raise AnnotatorError(f"{name} offers {_listed(strange)}, no class of the task: remove it")


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(repr(name) for name in names[:3]) + more


def _variables(root: ElementTree.Element) -> Iterator[str]:
    """The keys of a task's data that a config reads."""
    for tag in root.iter():
        value = tag.get("value", "")
        if value.startswith("$") and tag.tag not in ("Choice", "Label"):
            yield value[1:]
