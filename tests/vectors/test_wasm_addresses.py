"""Vectors of contract addresses: of ``instantiate`` (wasmd) and ``instantiate2`` (cosmwasm-std)."""

from __future__ import annotations

from typing import Any

import pytest
from helpers import vectors
from helpers.vectors import Case

from chain.modules.wasm import keys
from light_client import bech32

FOLDER = vectors.topic("cosmwasm")


def having(*wanted: str) -> list[Any]:
    """Cases with these members, in the files about addresses."""
    return [
        pytest.param(case, id=f"{name}::{case['id']}")
        for name, document in vectors.documents(FOLDER)
        if isinstance(document, list)
        for case in document
        if set(wanted) <= case.keys()
    ]


@pytest.mark.parametrize("case", having("code_id", "instance_id", "address"))
def test_classic_address(case: Case) -> None:
    raw = keys.classic_address(case["code_id"], case["instance_id"])
    assert bech32.encode("purple", raw) == case["address"]


@pytest.mark.parametrize("case", having("in", "intermediate", "out"))
def test_predictable_address(case: Case) -> None:
    given = case["in"]
    message = (given["msg"] or "").encode()
    checksum, creator, salt = (
        vectors.raw(given[name]) for name in ("checksum", "creatorData", "salt")
    )
    raw = keys.predictable_address(checksum, creator, salt, message)
    assert raw.hex() == case["intermediate"]["addressData"]
    assert bech32.encode("purple", raw) == case["out"]["address"]
    assert bech32.decode(given["creator"]) == ("purple", creator)
