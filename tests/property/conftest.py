"""A node that is asked anything, and what it complains of meanwhile."""

from collections.abc import Iterator

import pytest
from helpers.inputs import Failures, Loop


@pytest.fixture(scope="module")
def chain() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.close()


@pytest.fixture
def failures() -> Iterator[Failures]:
    handler = Failures()
    with handler.listening():
        yield handler
