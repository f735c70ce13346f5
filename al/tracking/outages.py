"""What an error of a server, a database or an object store means: wait, or tell whom to ask.

botocore's errors are known by their names, as it is not there without the extra `server`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import requests
from mlflow.exceptions import MlflowException

from al.errors import AlError, without_credentials

_AWAY = (
    requests.exceptions.ConnectionError,
    requests.exceptions.Timeout,
    requests.exceptions.ChunkedEncodingError,
)
#: The same of an object store, by class: botocore has a tree of its own.
_STORE_AWAY = {"ConnectionError", "HTTPClientError", "IncompleteReadError", "RetriesExceededError"}
#: What only a person can mend, although MLflow calls it temporary.
_LASTING = ("disk is full", "readonly database", "unable to open database", "no such table")
#: Downloads gather what went wrong with each file as a text.
_SIGNS = (
    "Max retries exceeded", "Connection refused", "ConnectionError", "Connection aborted",
    "Could not connect to the endpoint URL", "Connection was closed before we received",
    "timeout on endpoint URL",
)  # fmt: skip
#: How an object store's answer reads there.
_ANSWER = re.compile(r"An error occurred \((\w+)\) when calling the \w+ operation[^:]*: ([^\n]*)")
#: Answers that a later try may change, and those that say only that there is no such object.
_BUSY = {"SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout", "Throttling",
         "500", "502", "503", "504", "429"}  # fmt: skip
_ABSENT = {"NoSuchKey", "404"}


def is_collision(error: BaseException) -> bool:
    """Whether another process wrote the same row between this one's look and its writing.

    MLflow enters a data set that way, for one.
    """
    text = str(error)
    return "UNIQUE constraint failed" in text or "duplicate key value" in text


def is_away(error: BaseException) -> bool:
    """Whether a later try may succeed; what a line of ours says has been judged already."""
    if isinstance(error, AlError):
        return False
    text = str(error)
    if any(words in text for words in _LASTING):
        return False
    for cause in _causes(error):
        if isinstance(cause, _AWAY) or _is_of_store(cause, _STORE_AWAY):
            return True
        if isinstance(cause, requests.exceptions.HTTPError) and cause.response is not None:
            return cause.response.status_code in (502, 503, 504)
        if answer := _answer(cause):
            return answer[0] in _BUSY
    if not isinstance(error, MlflowException):
        return False
    return error.error_code == "TEMPORARILY_UNAVAILABLE" or any(sign in text for sign in _SIGNS)


def refusal(error: BaseException) -> str:
    """Why an object store refuses, as its answer says; "" for any other error."""
    for cause in _causes(error):
        answer = _answer(cause)
        if answer and answer[0] not in _BUSY | _ABSENT:
            return ": ".join(part for part in answer if part)
        if _is_of_store(
            cause, {"NoCredentialsError", "PartialCredentialsError", "ProfileNotFound"}
        ):
            return str(cause)
        if isinstance(cause, requests.exceptions.HTTPError) and cause.response is not None:
            return _refused_by_proxy(cause.response)
    return ""


def who(error: BaseException) -> str:
    """Who does not answer."""
    of_store = ("endpoint URL", "mlflow-artifacts", "An error occurred (")
    known = any(_is_of_store(cause, {"BotoCoreError", "Boto3Error"}) for cause in _causes(error))
    if known or any(sign in str(error) for sign in of_store):
        return "the store of artifacts"
    return "the tracking server"


def reason(error: BaseException) -> str:
    """The innermost cause, in a few words."""
    known = ("Connection refused", "database is locked", "timed out", "Connection aborted")
    for words in known:
        if any(words.lower() in str(cause).lower() for cause in _causes(error)):
            return words.lower()
    text = without_credentials(" ".join(str(error).split()))
    if found := re.search(r"too many (\d+) error responses", text):
        return f"the tracking server answers {found[1]}: its log says why"
    return text[:160]


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it came from."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _is_of_store(error: BaseException, names: set[str]) -> bool:
    kinds = type(error).__mro__
    return any(
        kind.__name__ in names and kind.__module__.partition(".")[0] in ("botocore", "boto3")
        for kind in kinds
    )


def _answer(error: BaseException) -> tuple[str, str] | None:
    """Code and message of an object store's answer."""
    response: Any = getattr(error, "response", None)
    if isinstance(response, dict) and "Error" in response:
        return str(response["Error"].get("Code")), str(response["Error"].get("Message", ""))
    found = _ANSWER.search(str(error))
    return (found[1], found[2].strip()) if found else None


def _refused_by_proxy(response: requests.Response) -> str:
    """What a tracking server that reaches the object store for its clients was answered."""
    if response.status_code not in (401, 403, 404) or "mlflow-artifacts" not in str(response.url):
        return ""
    try:
        text = str(response.json().get("message", ""))
    except ValueError:
        return ""
    return text if "Failed to list artifacts" in text else ""
