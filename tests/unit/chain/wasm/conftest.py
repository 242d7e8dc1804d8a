"""One VM for all tests of this folder: contracts are compiled once."""

from collections.abc import Iterator

import pytest

from chain.vm import DEFAULT_ERA, VM


@pytest.fixture(scope="session")
def shared_vm() -> Iterator[VM]:
    made = VM()
    yield made
    made.close()


@pytest.fixture(scope="session")
def vm(shared_vm: VM) -> VM:
    return shared_vm


@pytest.fixture(autouse=True)
def _era_stays(shared_vm: VM) -> Iterator[None]:
    """A chain takes its VM along to the release that it follows: such a test needs a VM of its own."""
    yield
    assert shared_vm.era is DEFAULT_ERA
