"""What goes wrong elsewhere arrives as it was."""

from __future__ import annotations

import pickle

import pytest

from al import errors
from al.errors import AlError, SamplesError


@pytest.mark.parametrize("name", [name for name in errors.__all__ if name[0].isupper()])
def test_an_error_of_a_worker_arrives_as_it_was(name: str) -> None:
    kind: type[AlError] = getattr(errors, name)
    error = kind({3: "a text"}, "an image") if kind is SamplesError else kind("a fact: a fix")
    error.add_note("in worker 2")
    there = pickle.loads(pickle.dumps(error))
    assert type(there) is kind
    assert str(there) == str(error)
    assert vars(there) == vars(error)
