"""Requests to a Label Studio server: tokens, patience, and what went wrong in a line.

Tokens come from the environment and are in no message, log or file. A legacy token is sent
as it is; a personal access token is exchanged for one that lives some minutes, again and
again. Only looking is tried again by itself: what changes something may have been done
although no reply came, and who asked has to look first.
"""

from __future__ import annotations

import os
import re
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests

from al.errors import AnnotatorError

#: Where the token is looked for; the second holds a personal access token only.
TOKENS = ("LABEL_STUDIO_API_KEY", "LABEL_STUDIO_REFRESH_TOKEN")
#: Seconds after which a token that was exchanged is exchanged anew; it lives 300.
FRESH = 240
#: Seconds to connect, and to wait for a reply.
TIMEOUT = (10, 180)
#: Pauses between tries of a request that only looks.
PAUSES = (0.5, 1.0, 2.0)
#: What a server, or a proxy before it, says while it is away or its database is locked.
_AWAY = (502, 503, 504)


class Missing(AnnotatorError):
    """What was asked for is not on the server."""


class Server:
    """A Label Studio server.

    Args:
        url: its address, as annotators' browsers know it too.

    Attributes:
        now: its clock when it last answered; None where it does not tell.

    Raises:
        AnnotatorError: from every method that asks, with what to do about it.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.now: datetime | None = None
        self._session = requests.Session()
        # Without one of its own, requests takes passwords from ~/.netrc.
        self._session.auth = self._sign
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        self._name, self._token = "", ""
        self._access, self._until = "", 0.0

    def get(self, path: str, **params: Any) -> Any:
        """What the server says to GET, tried again for some seconds where it is away."""
        for pause in (*PAUSES, None):
            try:
                return self._ask("GET", path, params=params)
            except _Away as error:
                if pause is None:
                    raise AnnotatorError(str(error)) from error.__cause__
                time.sleep(pause)
        raise AssertionError

    def change(self, method: str, path: str, **what: Any) -> Any:
        """What the server says to a request that changes something; made once."""
        try:
            return self._ask(method, path, **what)
        except _Away as error:
            raise AnnotatorError(str(error)) from error.__cause__

    def _ask(self, method: str, path: str, **what: Any) -> Any:
        self._find_token()
        for again in (True, False):
            reply = self._send(method, path, **what)
            if reply.status_code == 401 and again and self._personal:
                self._access = ""  # it may have been taken back before its time
                continue
            break
        return self._read(reply, method, path)

    def _send(self, method: str, path: str, **what: Any) -> requests.Response:
        try:
            return self._session.request(
                method, self.url + path, timeout=TIMEOUT, allow_redirects=False, **what
            )
        except requests.exceptions.Timeout as error:
            reason = f"nothing came back to {method} {path} in {TIMEOUT[1]} s"
            raise _Away(self._away(reason)) from error
        except requests.exceptions.RequestException as error:
            raise _Away(self._away(_reason(error))) from error

    def _read(self, reply: requests.Response, method: str, path: str) -> Any:
        code = reply.status_code
        self.now = _time(reply.headers.get("Date"))
        if code in (401, 403):
            raise AnnotatorError(
                f"Label Studio at {self.url} refuses the token in {self._name} ({code}): copy a "
                "valid one from Account & Settings; legacy tokens have to be allowed there"
            )
        if code in _AWAY or (code == 500 and "locked" in reply.text):
            raise _Away(self._away(f"status {code}"))
        if code == 404:
            raise Missing(f"{method} {path}: not on {self.url}")
        if 300 <= code < 400:
            raise AnnotatorError(
                f"{self.url} sends one on to {reply.headers.get('Location', 'another place')}: "
                "give the address itself as url"
            )
        if code >= 400:
            raise AnnotatorError(
                f"Label Studio at {self.url} refused {method} {path} ({code}, "
                f"{self._clean(_refusal(reply))}): see the server's log"
            )
        if code == 204 or not reply.content:
            return None
        try:
            return reply.json()
        except (ValueError, RecursionError):
            raise AnnotatorError(
                f"what answers at {self.url} is no Label Studio: give its address as url"
            ) from None

    # -- tokens ----------------------------------------------------------------------------

    @property
    def _personal(self) -> bool:
        """Whether the token is a personal access token; those are JSON web tokens."""
        return self._token.count(".") == 2

    def _find_token(self) -> None:
        if self._token:
            return
        for name in TOKENS:
            if token := os.environ.get(name, "").strip():
                break
        else:
            raise AnnotatorError(
                f"no token for Label Studio at {self.url}: set {TOKENS[0]} to one from "
                "Account & Settings"
            )
        if not re.fullmatch(r"[\w.\-]+", token, re.ASCII):  # requests would print it
            raise AnnotatorError(f"{name} holds what is not a token: copy it anew")
        self._name, self._token = name, token

    def _sign(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        kind, token = ("Bearer", self._exchanged()) if self._personal else ("Token", self._token)
        request.headers["Authorization"] = f"{kind} {token}"
        return request

    def _exchanged(self) -> str:
        """A token to sign with, made anew before the last one ends."""
        if not self._access or time.monotonic() > self._until:
            self._until = time.monotonic() + FRESH
            path = "/api/token/refresh/"
            try:
                reply = requests.post(
                    self.url + path,
                    json={"refresh": self._token},
                    timeout=TIMEOUT,
                    allow_redirects=False,
                    auth=lambda request: request,
                )
            except requests.exceptions.RequestException as error:
                raise _Away(self._away(_reason(error))) from error
            self._access = str(self._read(reply, "POST", path)["access"])
        return self._access

    def _clean(self, text: str) -> str:
        for secret in (self._token, self._access):
            text = text.replace(secret, "…") if secret else text
        return text

    def _away(self, reason: str) -> str:
        return (
            f"Label Studio at {self.url} does not answer ({reason}): start it, or give its "
            "address as url; then the same command goes on"
        )


class _Away(Exception):
    """No reply, or one of a server that is away for a moment; the message is for people."""


def _refusal(reply: requests.Response) -> str:
    """What a refusal says for people."""
    text = reply.text
    try:
        found = reply.json()
        text = str(found.get("validation_errors") or found["detail"])
    except (ValueError, KeyError, AttributeError, RecursionError):
        pass
    return " ".join(text.split())[:300]


def _time(text: str | None) -> datetime | None:
    try:
        return parsedate_to_datetime(text or "").astimezone(UTC)
    except ValueError:
        return None


def _reason(error: BaseException) -> str:
    """The cause in a few words, without the addresses and headers that requests would print."""
    text = str(error).lower()
    known = ("connection refused", "name or service not known", "connection reset", "timed out",
             "certificate verify failed", "remote end closed connection")  # fmt: skip
    return next((words for words in known if words in text), type(error).__name__)
