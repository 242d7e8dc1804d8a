from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from chain.vm import VM

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session", autouse=True)
def _own_module_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIGHTSHIP_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session", params=["capi", "python"])
def any_vm(request: pytest.FixtureRequest, _own_module_cache: Path) -> Iterator[VM]:
    """A VM with each of the two ways into wasmtime."""
    vm = VM(engine=request.param)
    yield vm
    vm.close()


@pytest.fixture(scope="session")
def vm(_own_module_cache: Path) -> Iterator[VM]:
    found = VM()
    yield found
    found.close()
