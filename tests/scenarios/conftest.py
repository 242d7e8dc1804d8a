"""One VM for all tests of this folder: contracts are compiled once."""

from collections.abc import Iterator

import pytest

from chain.vm import VM


@pytest.fixture(scope="session")
def vm() -> Iterator[VM]:
    made = VM()
    yield made
    made.close()
