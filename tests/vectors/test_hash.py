"""Hash functions."""

from collections.abc import Callable
from hashlib import sha256

import pytest
from helpers import vectors
from helpers.vectors import Case, raw

from light_client.keccak import keccak256
from light_client.ripemd import ripemd160

FOLDER = vectors.topic("hash")
FUNCTIONS: dict[str, Callable[[bytes], bytes]] = {
    "keccak256": keccak256,
    "ripemd160": ripemd160,
    "sha256": lambda data: sha256(data).digest(),
}


@pytest.mark.parametrize(
    ("name", "cases"), vectors.documents(FOLDER), ids=lambda each: str(each)[:24]
)
def test_file(name: str, cases: list[Case]) -> None:
    function = FUNCTIONS[next(each for each in FUNCTIONS if each in name)]
    assert cases
    wrong = [case for case in cases if function(raw(case["in"])).hex() != case["out"]]
    assert not wrong


def test_the_set_is_complete() -> None:
    vectors.enough([case for _, cases in vectors.documents(FOLDER) for case in cases], 441)
