"""People in Label Studio: asked once, collected as they answer, whatever happens meanwhile.

Every test runs against a stand-in that speaks from recorded payloads and, with the marker
`label_studio`, against the real server.
"""

from __future__ import annotations

import json
import logging
import time
from dataclasses import replace
from typing import Any

import pytest
import requests

from al.annotators.label_studio import LabelStudio
from al.annotators.label_studio.project import config, title_of
from al.contracts import AUDIT, DOUBTED, Splits
from al.errors import AnnotatorError, ConfigError, LabelError
from tests.conftest import ROOT
from tests.label_studio_recording import converse
from tests.label_studio_standin import RECORDED
from tests.studios import CLASSES, KINDS, SHOWN, Samples, query_of


def test_a_query_is_asked_in_its_order_with_all_that_belongs_to_it(studio: Any) -> None:
    data = Samples()
    annotator = studio.annotator(data)
    query = query_of(data)
    annotator.request(query)
    tasks = studio.crowd(annotator).tasks()
    assert [task["data"]["item_id"] for task in tasks] == list(query.ids)
    assert [task["data"]["score"] for task in tasks] == list(query.scores)
    assert {task["data"]["cycle"] for task in tasks} == {2}
    assert {task["data"]["batch_id"] for task in tasks} == {f"al:{annotator.campaign}"}
    assert annotator.where.startswith(f"{studio.server.url}/projects/")
    assert annotator.collect(query).waiting == query.ids


def test_asking_again_changes_nothing_and_asks_only_for_what_is_missing(studio: Any) -> None:
    data = Samples()
    annotator = studio.annotator(data)
    query = query_of(data)
    annotator.request(query)
    crowd = studio.crowd(annotator)
    before = [task["id"] for task in crowd.tasks()]
    annotator.request(query)
    other = studio.again(annotator)
    other.request(query)
    assert [task["id"] for task in crowd.tasks()] == before
    crowd.ask("DELETE", f"/api/tasks/{before[2]}/")
    other.request(query)
    ids = [task["data"]["item_id"] for task in crowd.tasks()]
    assert sorted(ids) == sorted(query.ids)
    assert ids[-1] == query.ids[2]


def test_a_task_that_is_there_twice_loses_its_copy(studio: Any) -> None:
    data = Samples()
    annotator = studio.annotator(data)
    query = query_of(data)
    annotator.request(query)
    crowd = studio.crowd(annotator)
    tasks = crowd.tasks()
    copies = [{"data": task["data"]} for task in tasks[:3]]
    crowd.ask("POST", f"/api/projects/{crowd.project}/import", json=copies)
    twice = [task for task in crowd.tasks() if task["data"]["item_id"] == query.ids[0]]
    crowd.answer(twice[1], "ann", "yes")  # an answer is kept, on whichever copy it is
    assert annotator.collect(query).answered[0].label == "yes"
    left = [task["data"]["item_id"] for task in crowd.tasks()]
    assert sorted(left) == sorted(query.ids)


def test_answers_are_collected_as_they_come(studio: Any) -> None:
    data = Samples()
    annotator = studio.annotator(data)
    query = query_of(data)
    annotator.request(query)
    crowd = studio.crowd(annotator, seconds=4.5)
    tasks = crowd.tasks()
    crowd.answer(tasks[0], "ann", "yes")
    crowd.skip(tasks[1], "bob")
    draft = {"result": crowd.results(query.ids[2], "yes"), "lead_time": 1}
    crowd.ask("POST", f"/api/tasks/{tasks[2]['id']}/drafts", json=draft)
    for found in (annotator.collect(query), studio.again(annotator).collect(query)):
        (answer,) = found.answered
        assert (answer.id, answer.label, answer.annotator) == (
            query.ids[0], "yes", "ann@example.com",
        )  # fmt: skip
        assert (answer.seconds, answer.shown) == (4.5, "")
        assert answer.answered_at.endswith("+00:00")
        assert found.skipped == (query.ids[1],)
        assert found.waiting == query.ids[2:]
        assert found.votes == ()
    crowd.work()
    found = annotator.collect(query)
    assert {answer.id for answer in found.answered} == {*query.ids} - {query.ids[1]}
    assert not found.waiting


def test_what_is_changed_later_is_found_and_what_is_deleted_waits_again(studio: Any) -> None:
    data = Samples()
    annotator = studio.annotator(data)
    query = query_of(data)
    annotator.request(query)
    crowd = studio.crowd(annotator)
    given = [crowd.answer(task, "ann", "yes") for task in crowd.tasks()]
    labels = {answer.id: answer.label for answer in annotator.collect(query).answered}
    assert annotator.revised(labels) == ()
    crowd.edit(given[0], query.ids[0], "perhaps")
    crowd.ask("DELETE", f"/api/annotations/{given[1]['id']}/")
    crowd.ask("PATCH", f"/api/annotations/{given[2]['id']}/", json={"was_cancelled": True})
    crowd.ask("DELETE", f"/api/tasks/{crowd.tasks()[3]['id']}/")
    for one in (annotator, studio.again(annotator)):
        assert [(a.id, a.label) for a in one.revised(labels)] == [(query.ids[0], "perhaps")]
        found = one.collect(query)
        assert found.waiting == (query.ids[1], query.ids[3])
        assert found.skipped == (query.ids[2],)


def test_samples_that_nobody_answered_can_be_withdrawn(studio: Any) -> None:
    data = Samples()
    annotator = studio.annotator(data)
    query = query_of(data)
    annotator.request(query)
    crowd = studio.crowd(annotator)
    crowd.answer(crowd.tasks()[0], "ann", "yes")
    annotator.withdraw(query.ids[:3])
    left = [task["data"]["item_id"] for task in crowd.tasks()]
    assert left == [query.ids[0], *query.ids[3:]]


@pytest.mark.parametrize("kind", KINDS)
def test_labels_of_every_kind_come_back_exactly(studio: Any, kind: Any) -> None:
    data = Samples(kind)
    annotator = studio.annotator(data)
    query = query_of(data)
    annotator.request(query)
    crowd = studio.crowd(annotator)
    crowd.work()
    found = annotator.collect(query)
    assert {a.id: a.label for a in found.answered} == {id: data.labels[id] for id in query.ids}
    mask = {"size": [31, 47], "runs": [0, 31 * 47]}
    empty = {"labels": [], "boxes": [], "entities": [], "mask": mask}
    if kind in empty:  # to say that there is nothing is an answer
        task = crowd.tasks()[0]
        (entry,) = task["annotations"]
        crowd.ask("PATCH", f"/api/annotations/{entry['id']}/", json={"result": []})
        assert annotator.collect(query).answered[0].label == empty[kind]


@pytest.mark.parametrize("shown", ["text", "row"])
def test_texts_and_rows_are_shown_as_they_are(studio: Any, shown: str) -> None:
    data = Samples("class", shown)
    annotator = studio.annotator(data)
    query = query_of(data, 2)
    annotator.request(query)
    crowd = studio.crowd(annotator)
    message = [task["data"][shown] for task in crowd.tasks()]
    row = {"length": 3.5, "weight": "", "7": ""}
    wanted = {"text": lambda one: data.preview(one).text, "row": lambda one: {"name": one, **row}}
    assert message == [wanted[shown](id) for id in query.ids]
    crowd.work()
    assert len(annotator.collect(query).answered) == 2


@pytest.mark.parametrize("way", ["upload", "local"])
def test_a_browser_finds_the_images(studio: Any, way: str) -> None:
    from io import BytesIO

    from PIL import Image

    data = Samples("mask")
    media = str(studio.server.media)
    annotator = studio.annotator(data, images=way, media=media if way == "local" else "")
    query = query_of(data, 3)
    annotator.request(query)
    for task in studio.crowd(annotator).tasks():
        reply = requests.get(
            studio.server.url + task["data"]["image"],
            headers={"Authorization": f"Token {studio.server.token}"},
            timeout=10,
        )
        assert reply.ok
        image = Image.open(BytesIO(reply.content))
        shown = data.preview(task["data"]["item_id"]).image
        assert shown is not None
        assert (list(image.getdata()) == shown.ravel()).all()


def test_images_that_have_an_address_are_not_copied(studio: Any) -> None:
    data = Samples()
    query = query_of(data, 3)
    data.urls = {id: f"http://127.0.0.1:9/{id}.png" for id in query.ids[:2]}
    annotator = studio.annotator(data)
    annotator.request(query)
    shown = [task["data"]["image"] for task in studio.crowd(annotator).tasks()]
    assert shown[:2] == [data.urls[id] for id in query.ids[:2]]
    assert shown[2].startswith("/data/upload/")
    with pytest.raises(AnnotatorError, match="has no URL"):
        studio.annotator(data, images="url").request(query)


def test_uploads_are_used_again_after_an_import_that_failed(studio: Any) -> None:
    data = Samples()
    annotator = studio.annotator(data)
    query = query_of(data)
    annotator.request(query)
    crowd = studio.crowd(annotator)
    before = [task["data"]["image"] for task in crowd.tasks()]
    for task in crowd.tasks():
        crowd.ask("DELETE", f"/api/tasks/{task['id']}/")
    uploads = f"/api/projects/{crowd.project}/file-uploads?all=true"
    there = len(crowd.ask("GET", uploads))
    studio.again(annotator).request(query)
    # The real server takes a file away with the last task that shows it, or leaves it.
    assert len(crowd.ask("GET", uploads)) <= max(there, len(query.ids))
    assert len([t["data"]["image"] for t in crowd.tasks()]) == len(before)


def test_predictions_are_shown_on_request_and_never_where_the_model_is_measured(
    studio: Any,
) -> None:
    data = Samples()
    query = query_of(data, predicted=("perhaps",) * 6, confidence=(0.5,) * 6)
    data.freeze(Splits(val=(query.ids[1],), test=()))
    query = replace(query, reasons=(AUDIT, query.reasons[1], DOUBTED, *query.reasons[3:]))
    plain = studio.annotator(data)
    plain.request(query)
    assert not any(task["predictions"] for task in studio.crowd(plain).tasks())

    annotator = studio.annotator(data, prelabel="on")
    annotator.request(query)
    crowd = studio.crowd(annotator)
    tasks = crowd.tasks()
    assert [len(task["predictions"]) for task in tasks] == [0, 0, 0, 1, 1, 1]
    (prediction,) = tasks[3]["predictions"]
    assert prediction["model_version"] == "models:/m/3"
    assert prediction["score"] == 0.5
    assert prediction["result"][0]["value"]["choices"] == ["perhaps"]
    project = crowd.ask("GET", f"/api/projects/{crowd.project}")
    assert project["show_collab_predictions"] is True
    assert project["model_version"] == "models:/m/3"  # the server shows those of one version
    crowd.work()
    shown = {answer.id: answer.shown for answer in annotator.collect(query).answered}
    assert shown == {id: "models:/m/3" if id in query.ids[3:] else "" for id in query.ids}


@pytest.mark.parametrize("kind", ["labels", "mask", "boxes", "number", "entities"])
def test_predictions_of_every_kind_are_taken(studio: Any, kind: Any) -> None:
    data = Samples(kind)
    query = query_of(data, predicted=tuple(data.labels[id] for id in data.ids("train")[5::-1]))
    annotator = studio.annotator(data, prelabel="on")
    annotator.request(query)
    for task in studio.crowd(annotator).tasks():
        (prediction,) = task["predictions"]
        id = task["data"]["item_id"]
        assert annotator._project is not None
        form = annotator._project.form
        assert form.label(prediction["result"], annotator._ground(id)) == data.labels[id]


# -- several people ------------------------------------------------------------------------


def test_several_people_answer_and_a_rule_decides(
    studio: Any, caplog: pytest.LogCaptureFixture
) -> None:
    data = Samples()
    majority = studio.annotator(data, overlap="3")
    query = query_of(data, 3)
    majority.request(query)
    crowd = studio.crowd(majority, people=("ann", "bob", "cy"), each=3)
    tasks = crowd.tasks()
    crowd.answer(tasks[0], "bob", "yes")
    crowd.answer(tasks[0], "ann", "perhaps")
    assert majority.collect(query).waiting == query.ids
    crowd.answer(tasks[0], "cy", "perhaps")
    for name, label in (("cy", "yes"), ("ann", "perhaps")):  # one each, and a skip
        crowd.answer(tasks[1], name, label)
    crowd.skip(tasks[1], "bob")
    for name in crowd.people:
        crowd.skip(tasks[2], name)
    found = majority.collect(query)
    assert [a.label for a in found.answered] == ["perhaps", "yes"]
    assert found.answered[0].annotator == "ann@example.com, cy@example.com"
    assert found.answered[0].seconds == 6.0
    assert found.skipped == (query.ids[2],)
    assert [(v.id, v.annotator[:3], v.label) for v in found.votes] == [
        (query.ids[0], "bob", "yes"), (query.ids[0], "ann", "perhaps"),
        (query.ids[0], "cy@", "perhaps"),
        (query.ids[1], "cy@", "yes"), (query.ids[1], "ann", "perhaps"),
    ]  # fmt: skip
    message = caplog.text
    assert "annotators disagree on 2 of 2" in message
    assert f"{query.ids[0]} (bob@example.com: yes, ann@example.com: perhaps" in message
    caplog.clear()
    majority.collect(query)
    assert "disagree" not in caplog.text  # each is told once

    first = studio.again(majority, overlap="3", rule="first").collect(query)
    assert [a.label for a in first.answered] == ["yes", "yes"]
    reviewer = studio.again(majority, overlap="3", rule="reviewer:ann@example.com")
    assert [a.label for a in reviewer.collect(query).answered] == ["perhaps", "perhaps"]
    disputes = studio.again(majority, overlap="3", rule="disputes:cy@example.com").collect(query)
    assert [a.label for a in disputes.answered] == ["perhaps", "yes"]
    disputes = studio.again(majority, overlap="3", rule="disputes:dee@example.com").collect(query)
    assert disputes.waiting == query.ids[:2]


# -- projects of people's own --------------------------------------------------------------


def _own(studio: Any, label_config: str, **more: Any) -> int:
    reply = requests.post(
        f"{studio.server.url}/api/projects",
        json={"title": "mine", "label_config": label_config, **more},
        headers={"Authorization": f"Token {studio.server.token}"},
        timeout=30,
    )
    assert reply.ok, reply.text
    return int(reply.json()["id"])


def test_a_project_of_ones_own_is_used_where_its_config_fits(studio: Any) -> None:
    data = Samples()
    choices = config(data.spec, "image").partition("<Choices")[2].partition(">")[2]
    choices = choices.partition("</Choices>")[0]
    mine = (
        '<View><Header value="Which?"/><Image name="photo" value="$picture"/>'
        f'<Choices name="answer" toName="photo">{choices}</Choices>'
        '<TextArea name="notes" toName="photo"/></View>'
    )
    number = _own(studio, mine)
    annotator = studio.annotator(data, project=str(number))
    query = query_of(data, 2)
    annotator.request(query)
    crowd = studio.crowd(annotator)
    assert crowd.project == number
    assert all(task["data"]["picture"].startswith("/data/") for task in crowd.tasks())
    crowd.work()
    assert len(annotator.collect(query).answered) == 2


def _choices(*names: str, choice: str = "single", value: str = "$image") -> str:
    given = "".join(f'<Choice value="{name}"/>' for name in names)
    return (
        f'<View><Image name="i" value="{value}"/><Choices name="c" toName="i" choice="{choice}">'
        f"{given}</Choices></View>"
    )


def test_what_does_not_fit_in_ones_own_project_is_named(studio: Any) -> None:
    data = Samples()
    data.spec = replace(data.spec, classes=("yes", "no"))
    query = query_of(data, 2)
    two = _choices("yes", "no").replace("</View>", "") + (
        '<Choices name="d" toName="i"><Choice value="yes"/><Choice value="no"/></Choices></View>'
    )
    text = '<View><Text name="i" value="$t"/><Choices name="c" toName="i"><Choice value="yes"/>'
    text += '<Choice value="no"/></Choices></View>'
    header = _choices("yes", "no").replace("<View>", '<View><Header value="$title"/>')
    number = '<View><Image name="i" value="$x"/><Number name="n" toName="i"/></View>'
    for label_config, message in (
        (_choices("yes"), "lacks 'no'"),
        (_choices("yes", "no", "unsure"), "offers 'unsure'"),
        (_choices("yes", "no", choice="multiple"), 'set choice="single"'),
        (number, "has no Choices"),
        (two, "has 2 Choices, 'c', 'd'"),
        (text, "samples are images"),
        (header, "shows $title, which samples do not have"),
    ):
        project = _own(studio, label_config)
        with pytest.raises(AnnotatorError, match="does not fit") as found:
            studio.annotator(data, project=str(project)).request(query)
        assert message in str(found.value)
        assert f"/projects/{project}/" in str(found.value)
    fits = _own(studio, _choices("yes", "no"))
    with pytest.raises(AnnotatorError, match="overlap=2 are wanted"):
        studio.annotator(data, project=str(fits), overlap="2").request(query)
    with pytest.raises(AnnotatorError, match="project 99999 is not on"):
        studio.annotator(data, project="99999").request(query)


def test_a_project_that_people_renamed_is_found(
    studio: Any, caplog: pytest.LogCaptureFixture
) -> None:
    data = Samples()
    annotator = studio.annotator(data)
    query = query_of(data)
    annotator.request(query)
    crowd = studio.crowd(annotator)
    crowd.answer(crowd.tasks()[0], "ann", "yes")
    path = f"/api/projects/{crowd.project}"
    crowd.ask("PATCH", path, json={"title": "ours"})
    caplog.clear()
    other = studio.again(annotator)
    other.request(query)
    assert "made project" not in caplog.text
    assert f"in project {crowd.project}, 'ours'" in caplog.text
    assert other.where == annotator.where
    assert [answer.id for answer in other.collect(query).answered] == [query.ids[0]]


def test_a_project_that_was_deleted_is_reported_and_made_anew_by_the_next_request(
    studio: Any, caplog: pytest.LogCaptureFixture
) -> None:
    data = Samples()
    annotator = studio.annotator(data)
    query = query_of(data, 2)
    annotator.request(query)
    crowd = studio.crowd(annotator)
    crowd.ask("DELETE", f"/api/projects/{crowd.project}")
    with pytest.raises(AnnotatorError, match="was deleted"):
        annotator.collect(query)
    with pytest.raises(AnnotatorError, match="was deleted"):
        annotator.collect(query)
    caplog.clear()
    annotator.request(query)
    assert "made project" in caplog.text
    assert annotator.collect(query).waiting == query.ids


def test_a_label_that_the_task_does_not_know_is_reported_with_its_place(studio: Any) -> None:
    data = Samples()
    annotator = studio.annotator(data)
    query = query_of(data, 2)
    annotator.request(query)
    crowd = studio.crowd(annotator)
    task = crowd.tasks()[0]
    crowd.answer(task, "ann", "maybe")
    with pytest.raises(LabelError) as found:
        annotator.collect(query)
    message = str(found.value)
    assert f"ann@example.com on sample '{query.ids[0]}'" in message
    assert f"data?task={task['id']}): 'maybe' is not a class" in message


@pytest.mark.parametrize("kind", ["class", "labels"])
def test_who_finds_none_of_the_classes_names_another_which_is_then_there_to_choose(
    studio: Any, kind: str
) -> None:
    data = Samples(kind)
    annotator = studio.annotator(data)
    query = query_of(data, 4)
    annotator.request(query)  # before anybody thought of another class
    annotator = studio.again(annotator)
    annotator.new_classes = "grow"
    annotator.request(query)
    crowd = studio.crowd(annotator)
    first, known = data.spec.classes[0], len(data.spec.classes)

    def message(task: Any, *others: str, chosen: tuple[str, ...] = ()) -> None:
        values = [("label", {"choices": list(chosen)})] if chosen else []
        values += [("new_class", {"text": [other]}) for other in others]
        result = [
            {"from_name": name, "to_name": "sample", "value": value,
             "type": "choices" if name == "label" else "textarea"}
            for name, value in values
        ]  # fmt: skip
        body = {"completed_by": crowd.ids["ann"], "result": result}
        crowd.ask("POST", f"/api/tasks/{task['id']}/annotations/", json=body)

    one, two, three, both = crowd.tasks()
    message(one, " a  bird ")
    message(two, first.upper())  # it is there, after all
    message(three, chosen=(first,))
    answered = annotator.collect(query).answered
    wanted = ["a bird", first, first]
    several = kind == "labels"
    assert [a.label for a in answered] == [[name] if several else name for name in wanted]
    message(both, "a bird", chosen=(first,))
    if several:
        assert sorted(["a bird", first]) in [a.label for a in annotator.collect(query).answered]
    else:
        with pytest.raises(LabelError, match="2 classes are chosen"):
            annotator.collect(query)
    data.grow(["a bird"])
    annotator = studio.again(annotator)
    annotator.new_classes = "grow"
    annotator.request(query)
    found = crowd.ask("GET", f"/api/projects/{crowd.project}")["label_config"]
    assert found.count("<Choice ") == known + 1
    assert '"a bird"' in found


def test_titles_are_short_and_tell_campaigns_apart() -> None:
    names = ["c", "12", "1234567890123", "digits-margin-seed0", "x" * 50, "x" * 60 + "a"]
    titles = [title_of(name) for name in [*names, "x" * 60 + "b"]]
    assert len(set(titles)) == len(titles)
    assert all(3 <= len(title) <= 50 and not title.isdecimal() for title in titles)
    assert titles[3] == "digits-margin-seed0"


# -- tokens and servers --------------------------------------------------------------------


def _personal(studio: Any) -> str:
    """A personal access token."""
    if not studio.real:
        return str(studio.server.personal)
    if not hasattr(studio.server, "personal"):
        reply = requests.post(
            f"{studio.server.url}/api/token/",
            headers={"Authorization": f"Token {studio.server.token}"},
            timeout=30,
        )
        studio.server.personal = reply.json()["token"]
    return str(studio.server.personal)


@pytest.mark.parametrize("name", ["LABEL_STUDIO_API_KEY", "LABEL_STUDIO_REFRESH_TOKEN"])
def test_a_personal_access_token_is_exchanged_again_and_again(
    studio: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.delenv("LABEL_STUDIO_API_KEY", raising=False)
    monkeypatch.setenv(name, _personal(studio))
    data = Samples()
    annotator = studio.annotator(data)
    query = query_of(data, 2)
    annotator.request(query)
    first = annotator._server._access
    assert annotator.collect(query).waiting == query.ids
    assert annotator._server._access == first
    annotator._server._until = time.monotonic() - 1  # its time is over
    assert annotator.collect(query).waiting == query.ids
    assert annotator._server._access != first
    annotator._server._access = "header.body.of-another"  # taken back before its time
    assert annotator.collect(query).waiting == query.ids


def test_a_wrong_or_missing_token_is_reported_in_a_line_that_does_not_show_it(
    studio: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capsys: Any
) -> None:
    caplog.set_level(logging.DEBUG)
    data = Samples()
    query = query_of(data, 1)
    for token, message in (
        ("f" * 40, "refuses the token in LABEL_STUDIO_API_KEY (401)"),
        ("aaa.bbb.ccc", "refuses the token in LABEL_STUDIO_API_KEY (401)"),
        ("secret\nsecond", "LABEL_STUDIO_API_KEY holds what is not a token"),
        ("geheim ist ü", "LABEL_STUDIO_API_KEY holds what is not a token"),
        ("", "no token for Label Studio"),
    ):
        monkeypatch.setenv("LABEL_STUDIO_API_KEY", token)
        annotator = studio.annotator(data)
        with pytest.raises(AnnotatorError) as found:
            annotator.request(query)
        assert message in str(found.value)
        assert "\n" not in str(found.value)
        cause: BaseException | None = found.value
        while cause is not None:
            assert not token or token not in str(cause)
            cause = cause.__cause__
        assert not token or token not in caplog.text + capsys.readouterr().out


def test_a_server_that_is_no_label_studio_or_not_there_is_reported_in_a_line(
    studio: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = Samples()
    query = query_of(data, 1)
    gone = LabelStudio(data, "gone", {"url": "http://127.0.0.1:9"})
    with pytest.raises(AnnotatorError, match=r"does not answer \(connection refused\): start it"):
        gone.request(query)
    with pytest.raises(AnnotatorError):
        LabelStudio(data, "x", {"url": studio.server.url + "/nowhere"}).request(query)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"url": "ftp://h"}, "is not an address"),
        ({"url": "http://me:secret@h"}, "leave them out"),
        ({"overlap": "0"}, "give 1 or more"),
        ({"overlap": "many"}, "give 1 or more"),
        ({"rule": "loudest"}, "choose one of"),
        ({"rule": "reviewer:"}, "reviewer"),
        ({"prelabel": "yes"}, "choose one of"),
        ({"images": "uplaod"}, "did you mean 'upload'"),
        ({"images": "local"}, "without media"),
        ({"media": "relative"}, "absolute"),
        ({"projekt": "3"}, "did you mean 'project'"),
    ],
)
def test_options_that_cannot_be_are_reported_before_anything_is_asked(
    options: dict[str, str], message: str
) -> None:
    with pytest.raises(ConfigError) as found:
        LabelStudio(Samples(), "c", options)
    assert message in str(found.value)
    assert "secret" not in str(found.value)


def test_the_docs_explain_every_option() -> None:
    page = (ROOT / "docs" / "annotate.md").read_text()
    for name, line in LabelStudio.options.items():
        assert f"| `{name}` | {line} |" in page


def test_a_poll_asks_for_changes_only(studio: Any) -> None:
    data = Samples()
    annotator = studio.annotator(data)
    query = query_of(data)
    annotator.request(query)
    asked: list[Any] = []
    get = annotator._server.get

    def counted(path: str, **params: Any) -> Any:
        reply = get(path, **params)
        asked.append((path, params, reply))
        return reply

    annotator._server.get = counted  # type: ignore[method-assign]
    for _ in range(3):
        annotator.collect(query)
    assert [path for path, *_ in asked] == ["/api/tasks"] * 6
    changes = [params for _, params, _ in asked if params["include"] != "id"]
    assert all("updated_at" in json.loads(p["query"])["filters"]["items"][1]["filter"]
               for p in changes)  # fmt: skip


def test_many_tasks_come_over_many_pages(studio: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from al.annotators.label_studio import annotator as module
    from al.annotators.label_studio import tasks

    monkeypatch.setattr(tasks, "PAGE", 4)
    monkeypatch.setattr(module, "CHUNK", 5)
    data = Samples("class", "text")
    annotator = studio.annotator(data)
    query = query_of(data, 12)
    annotator.request(query)
    crowd = studio.crowd(annotator)
    assert [task["data"]["item_id"] for task in crowd.tasks()] == list(query.ids)
    crowd.work()
    found = studio.again(annotator).collect(query)
    assert tuple(answer.id for answer in found.answered) == query.ids


# -- the stand-in itself -------------------------------------------------------------------


def test_the_server_says_what_was_recorded(studio: Any) -> None:
    def alike(one: Any, two: Any, where: str) -> None:
        if isinstance(one, dict) and isinstance(two, dict):
            assert set(one) == set(two), where
            for key in one:
                alike(one[key], two[key], f"{where}.{key}")
        elif isinstance(one, list) and isinstance(two, list) and not where.endswith("users"):
            assert len(one) == len(two), where
            for left, right in zip(one, two, strict=True):
                alike(left, right, f"{where}[]")
        elif None not in (one, two):
            assert type(one) is type(two), where

    found = converse(studio.server.url, studio.server.token)
    for name, recorded in RECORDED.items():
        assert found[name]["status"] == recorded["status"], name
        alike(found[name]["body"], recorded["body"], name)


def test_configs_of_every_kind_name_every_class() -> None:
    for kind in KINDS:
        text = config(Samples(kind).spec, SHOWN.get(kind, "image"))
        assert text.count("<Choice ") + text.count("<Label ") == {
            "class": 3, "labels": 3, "mask": 4, "boxes": 2, "number": 0, "entities": 2,
        }[kind]  # fmt: skip
    assert len(CLASSES) == len(KINDS)
