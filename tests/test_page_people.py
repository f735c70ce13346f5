"""Who is let in to the page, from where, and how often; and connections that are slow."""

from __future__ import annotations

import json
import socket
import stat
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask
from werkzeug.exceptions import HTTPException

from al.annotators.page import Page, server, wire
from al.annotators.page.door import BURST, PACE, Door
from al.annotators.page.network import Network
from al.annotators.page.people import People
from al.errors import ConfigError, DataError
from tests.browser import until
from tests.page_process import page


def made(folder: Path, **options: str) -> Page:
    """A page with options of its own, about a query of five digits."""
    return page(str(folder), "digits", **options)[0]


def get(url: str, **more: Any) -> requests.Response:
    return requests.get(url, timeout=10, **more)


def post(url: str, body: Any, **more: Any) -> requests.Response:
    return requests.post(url, json=body, timeout=10, **more)


# -- people


def test_a_person_has_one_link_until_it_is_revoked_and_only_the_user_can_read_it(
    tmp_path: Path,
) -> None:
    people = People(tmp_path)
    first = people.invite("anna")
    assert people.invite(" anna ") == first
    assert people.invite("Änne  Müller") != first
    assert People(tmp_path).who(first) == "anna"
    assert stat.S_IMODE((tmp_path / ".people.json").stat().st_mode) == 0o600
    people.revoke("anna")
    assert people.who(first) is None
    assert list(people.links()) == ["Änne Müller"]
    assert people.invite("anna") != first
    with pytest.raises(ConfigError, match="'ana' is not invited: did you mean 'anna'"):
        people.revoke("ana")


@pytest.mark.parametrize("name", ["", "  ", "x" * 81, "a\nb\x00", "\ud800", "\u202eabc"])
def test_what_is_no_name_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is not a name: give one of up to 80 letters"):
        People(tmp_path).invite(name)


@pytest.mark.parametrize("text", ["{", "[]", '{"anna": 3}', '{"anna": "short"}', "[" * 9999])
def test_a_damaged_file_of_people_lets_nobody_in(text: str, tmp_path: Path) -> None:
    (tmp_path / ".people.json").write_text(text)
    with pytest.raises(DataError, match=r"people\.json is damaged: restore it, or delete it"):
        People(tmp_path).who("x")


def test_links_alone_open_a_page_to_which_people_are_invited_and_say_who_it_is(
    tmp_path: Path,
) -> None:
    desk = made(tmp_path)
    with desk.attending():
        shared = desk.where
        assert get(shared + "state").ok
        anna, ben = desk.invite("anna"), desk.invite("ben")  # while it is served
        assert anna.rsplit("/", 2)[0] == shared.rsplit("/", 2)[0]
        assert get(shared + "state").status_code == 404
        assert get(anna + "task").json()["name"] == "anna"
        body = {"place": 0, "label": "3", "name": "ben", "seconds": 1.0}
        assert post(anna + "answer", body).ok
        assert post(ben + "note", {"place": 0, "text": "odd", "name": "anna"}).ok
        assert get(ben + "state?name=anna").json()["undo"] is None
        assert get(anna + "history").json()["listed"]
        assert post(anna + "finish", {}).ok
        assert get(ben + "state").ok  # who is through ends it for nobody else
        desk.revoke("anna")
        gone = get(anna)
        assert (gone.status_code, gone.text) == (404, "this link is not valid, or no longer: "
                                                 "ask whoever sent it for another\n")  # fmt: skip
        assert post(anna + "answer", {**body, "place": 1}).status_code == 404
    with desk.attending():
        assert ben.startswith(desk.where)  # nobody's secret is in what is told
        assert get(ben + "state").ok
    (entry,) = next(iter(desk.log.answers().values())).values()
    assert entry.annotator == "anna"
    assert [*next(iter(desk.log.notes().values()))] == ["ben"]


def test_who_is_through_ends_a_page_of_their_own_and_none_that_others_use(tmp_path: Path) -> None:
    desk = made(tmp_path)
    with desk._server() as server:
        assert post(server.url + "finish", {"name": "ben"}).ok
        assert server.desk.finished.is_set()
        server.desk.finished.clear()
        assert post(desk.invite("anna") + "finish", {}).ok
        assert not server.desk.finished.is_set()
        desk.revoke("anna")
        server.desk.watched = True
        assert post(f"{server.url}finish", {"name": "ben"}).ok
        assert not server.desk.finished.is_set()


def test_a_link_that_was_made_before_the_page_was_served_is_that_of_the_page(
    tmp_path: Path,
) -> None:
    desk = made(tmp_path)
    link = desk.invite("anna")
    with desk.attending():
        assert link.startswith(desk.where)
        assert get(link + "state").ok


# -- where it listens


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (
            {"host": "192.168.1.5"},
            "without TLS lets whoever listens in answer as others: give cert",
        ),
        ({"host": "0.0.0.0", "plain": "on"}, "say what people open as well: address="),
        ({"address": "http://labels.example.com"}, "give one with https://, or plain=on"),
        ({"address": "labels.example.com"}, "is not an address: give https://NAME"),
        ({"address": "https://anna:pw@labels.example.com"}, "is not an address: give https://NAME"),
        ({"address": "https://[::1"}, "is not an address: give https://NAME"),
        ({"key": "key.pem"}, "give its certificate as well"),
        ({"plain": "yes"}, "give on or off"),
        ({"port": "70000"}, "give one up to 65535"),
    ],
)
def test_what_would_show_the_page_to_others_is_refused(options: dict[str, str], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        Network.of(options)


def test_a_wider_network_takes_people_who_are_invited(tmp_path: Path) -> None:
    desk = made(tmp_path, host="0.0.0.0", plain="on", address="http://127.0.0.1:1")
    with pytest.raises(ConfigError, match=r"nobody is invited: al page --campaign c --invite NAME"):
        desk.serve()
    assert made(tmp_path).network.local
    assert Network.of({"host": "::1"}).local


def test_a_page_of_all_addresses_is_reached_by_the_name_that_was_given(tmp_path: Path) -> None:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        port = door.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    desk = made(tmp_path, host="0.0.0.0", port=str(port), plain="on", address=address)
    link = desk.invite("anna")
    with desk.attending():
        assert link.startswith(f"{address}/")
        assert get(link + "state").ok
        assert get(link.replace("127.0.0.1", "localhost") + "state").status_code == 403
        shared = json.loads((tmp_path / ".page.json").read_text())["token"]
        desk.revoke("anna")
        assert get(f"{address}/{shared}/state").status_code == 404  # nobody is let in


def test_who_is_missing_for_the_rule_is_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "HEARD", 0.0)
    desk = made(tmp_path, overlap="2", reviewer="rita")
    desk.invite("anna")
    desk.serve(lambda idle: True)
    assert "nobody decides: reviewer=rita is not invited" in caplog.text
    assert "overlap=2, and 1 are invited: no sample gets answers enough" in caplog.text
    caplog.clear()
    desk.invite("rita")
    desk.serve(lambda idle: True)
    assert "serving http://127.0.0.1:" in caplog.text
    assert "nobody decides" not in caplog.text
    assert "are invited" not in caplog.text


def test_a_page_behind_a_proxy_answers_to_its_public_name(tmp_path: Path) -> None:
    desk = made(tmp_path, address="https://labels.example.com/parts")
    link = desk.invite("anna")
    assert link.startswith("https://labels.example.com/parts/")
    with desk.attending():
        port = json.loads((tmp_path / ".page.json").read_text())["port"]
        here = f"http://127.0.0.1:{port}/{link.split('/')[-2]}/"
        through = {"Host": "labels.example.com"}
        assert get(here + "state", headers=through).ok
        assert get(here + "state", headers={"Host": "labels.example.com.evil"}).status_code == 403
        body = {"place": 0, "label": "3"}
        for origin, code in [
            ("https://labels.example.com", 200),
            ("http://labels.example.com", 403),
        ]:
            answer = post(here + "answer", body, headers={**through, "Origin": origin})
            assert answer.status_code == code
        bare = get(here.rstrip("/"), headers=through, allow_redirects=False)
        assert bare.headers["Location"] == f"./{link.split('/')[-2]}/"  # nothing of http://
        assert get(here + "/state", headers=through, allow_redirects=False).status_code == 404
        assert get(here.rstrip("/")).text.startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("options", "port", "host", "origin"),
    [
        ({"host": "labels.lan", "cert": "c.pem"}, 443, "labels.lan", "https://labels.lan"),
        ({"host": "labels.lan", "plain": "on"}, 80, "labels.lan", "http://labels.lan"),
        ({"address": "https://Labels.lan:443/x"}, 20_000, "labels.lan", "https://labels.lan"),
        ({"address": "https://labels.lan"}, 20_000, "labels.lan", "https://labels.lan"),
        ({"address": "https://labels.lan:80"}, 20_000, "labels.lan:80", "https://labels.lan:80"),
    ],
)
def test_the_usual_port_of_a_scheme_is_left_out_as_browsers_do(
    options: dict[str, str], port: int, host: str, origin: str
) -> None:
    assert Network.of(options).origins(port)[host] == origin


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate and its key for localhost, in one file."""
    folder = tmp_path_factory.mktemp("tls")
    key, cert, both = folder / "key.pem", folder / "cert.pem", folder / "both.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-keyout", key, "-out", cert, "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    both.write_text(key.read_text() + cert.read_text())
    return both


def test_tls_is_spoken_and_who_greets_slowly_holds_up_nobody(
    tmp_path: Path, certificate: Path
) -> None:
    desk = made(tmp_path, cert=str(certificate))
    link = desk.invite("anna")
    assert link.startswith("https://127.0.0.1:")
    with desk.attending():
        port = int(link.split(":")[2].split("/")[0])
        silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(5)]
        began = time.monotonic()
        assert get(link + "state", verify=str(certificate)).ok
        assert time.monotonic() - began < wire.SILENT
        origin = {"Origin": f"https://127.0.0.1:{port}"}
        body = {"place": 0, "label": "3"}
        assert post(link + "answer", body, verify=str(certificate), headers=origin).ok
        with pytest.raises(requests.RequestException):
            get(link.replace("https:", "http:") + "state")
        for one in silent:
            one.close()
    assert len(desk.log.answers()) == 1


@pytest.mark.parametrize("what", ["missing", "no certificate", "locked"])
def test_a_wrong_certificate_is_one_line(what: str, tmp_path: Path, certificate: Path) -> None:
    path = tmp_path / "cert.pem"
    if what == "no certificate":
        path.write_text("hello")
    elif what == "locked":
        subprocess.run(
            ["openssl", "pkey", "-in", certificate, "-aes256", "-passout", "pass:x", "-out", path],
            check=True, capture_output=True,
        )  # fmt: skip
        path.write_text(path.read_text() + certificate.read_text().split("KEY-----\n")[-1])
    with pytest.raises(ConfigError, match=r"annotator 'page': (cert|key)=.*: give|is locked"):
        Network.of({"cert": str(path)}).tls()


# -- how often, how slowly


def test_who_asks_too_often_is_slowed_down_and_nobody_else() -> None:
    now = 0.0
    door = Door(People(Path("/nowhere")), "x", Network(), clock=lambda: now)
    with Flask("x").test_request_context():
        for _ in range(int(BURST)):
            door._slow("anna")
        with pytest.raises(HTTPException) as slowed:
            door._slow("anna")
        assert slowed.value.code == 429
        door._slow("ben")
        now = 1.0
        for _ in range(int(PACE)):
            door._slow("anna")
        with pytest.raises(HTTPException):
            door._slow("anna")


def raw(desk: Page, text: bytes, wait: float = 5) -> bytes:
    """What the server says to bytes that come and then stop."""
    port = int(desk.where.split(":")[2].split("/")[0])
    with socket.create_connection(("127.0.0.1", port), timeout=wait) as connection:
        connection.sendall(text)
        reply = b""
        while part := connection.recv(65536):
            reply += part
        return reply


def test_a_body_that_never_comes_is_refused_and_head_lines_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "SILENT", 0.3)
    desk = made(tmp_path)
    with desk.attending():
        path = "/" + desk.where.split("/", 3)[3]
        host = desk.where.split("/")[2]
        head = f"POST {path}answer HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        reply = raw(desk, f"{head}Content-Length: 100\r\n\r\n{{".encode())
        assert b" 400 " in reply.split(b"\r\n")[0]
        assert b"that came too slowly: send it again" in reply
        assert raw(desk, head.encode()) == b""
        assert raw(desk, b"") == b""
        monkeypatch.setattr(wire, "REQUEST", 0.5)
        dripping = threading.Event()

        def drip() -> None:
            with socket.create_connection((host.split(":")[0], int(host.split(":")[1]))) as one:
                for letter in head.encode():
                    try:
                        one.sendall(bytes([letter]))
                    except OSError:
                        dripping.set()
                        return
                    time.sleep(0.02)

        drip()
        assert dripping.is_set()
        assert get(desk.where + "state").ok


def test_more_connections_than_there_are_threads_for_are_turned_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "CONNECTIONS", 3)
    desk = made(tmp_path)
    with desk.attending():
        port = int(desk.where.split(":")[2].split("/")[0])
        held = [socket.create_connection(("127.0.0.1", port)) for _ in range(3)]
        with pytest.raises(requests.RequestException):  # they are taken in their order
            get(desk.where + "state")
        for one in held:
            one.close()

        def answers() -> bool:
            try:
                return get(desk.where + "state").ok
            except requests.RequestException:
                return False

        until(answers)


# -- what is hostile


def test_hostile_posts_are_refused_in_a_line_and_nothing_is_kept(tmp_path: Path) -> None:
    desk = made(tmp_path)
    head = {"Content-Type": "application/json"}
    with desk.attending():
        for body, code, says in [
            (b"[" * 100_000, 400, "that is not an answer"),
            (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, 400, "that is not an answer"),
            (b"x" * 2_000_000, 413, "that is more than an answer is"),
            (b"\xff\xfe{}", 400, "that is not an answer"),
            (b"[]", 400, "that is not an answer"),
            (b'{"place": %s, "name": "a"}' % (b"9" * 400), 400, "no such sample"),
            (b'{"place": %s, "name": "a"}' % (b"9" * 5000), 400, "that is not an answer"),
            (b'{"place": 0, "name": "\\ud800", "label": "3"}', 400, "who are you"),
            (b'{"place": 0, "name": "a\\u0000b", "label": "3"}', 400, "who are you"),
            (b'{"place": 0, "name": "a", "label": "\\ud800"}', 422, "is not a class"),
            (b'{"place": 0, "name": "a", "label": %s}' % (b"9" * 400), 422, "is not a class"),
            (b'{"place": 0, "name": "a", "label": %s}' % (b"[" * 900 + b"]" * 900), 422, "class"),
            *[
                (b'{"place": 0, "name": "a", "label": %s}' % (b"[" * n + b"]" * n), None, "")
                for n in range(800, 1000, 20)
            ],
        ]:
            reply = requests.post(desk.where + "answer", data=body, headers=head, timeout=20)
            assert reply.status_code in ((code,) if code else (400, 422)), body[:60]
            assert says in reply.json()["error"]
            assert len(reply.json()["error"]) < 500
            assert "\n" not in reply.json()["error"]
        for elsewhere in ({"Origin": "http://evil.example"}, {"Host": "evil.example"}):
            reply = post(desk.where + "answer", {"place": 0}, headers=elsewhere)
            assert reply.status_code == 403
            assert reply.json()["error"].startswith(("that comes from", "the page is found under"))
        long = {"place": 0, "name": "a", "label": "3", "seconds": 10**400}
        assert post(desk.where + "answer", long).ok
        assert get(desk.where + "state?name=%ff%00&tab=" + "x" * 900).ok
        assert get(desk.where + "state?name=a&place=" + "9" * 400).ok
    (kept,) = desk.log.answers().values()
    assert kept["a"].seconds == 86400


def test_a_class_that_people_name_has_no_letters_that_cannot_be_written(tmp_path: Path) -> None:
    desk = made(tmp_path)
    desk.new_classes = "grow"
    with desk.attending():
        for name in ("\ud800", "a\x00b", "\u202eevil"):
            reply = post(desk.where + "answer", {"place": 0, "name": "a", "label": name})
            assert reply.status_code == 422, ascii(name)
        html = "<img src=x onerror=alert(1)>"
        reply = post(desk.where + "answer", {"place": 0, "name": "a", "label": html})
        assert reply.json()["classes"][-1] == html
        assert reply.headers["Content-Type"] == "application/json"


def test_numbers_of_hundreds_of_digits_are_no_answer(tmp_path: Path) -> None:
    desk, _ = page(str(tmp_path), "numbers")
    with desk.attending():
        for number in (10**400, -(10**400)):
            reply = post(desk.where + "answer", {"place": 0, "name": "a", "label": number})
            assert reply.status_code == 422
            assert len(reply.json()["error"]) < 200
