"""Vectors of IBC core that need the chain: what an application's answer looks like on the wire."""

import pytest
from helpers import vectors
from helpers.vectors import Case

from chain.errors import AbciError
from chain.modules.ibc import error_ack, parse_ack, result_ack
from light_client.packet import ack_commitment

FOLDER = vectors.topic("ibc_core")


def acknowledgements() -> list[object]:
    return [
        case
        for case in vectors.cases(FOLDER)
        if {"json", "success", "commitment"} <= case.values[1].keys()
    ]


@pytest.mark.parametrize(("name", "case"), acknowledgements())
def test_acknowledgement(name: str, case: Case) -> None:
    if case["success"]:
        ack = result_ack(bytes.fromhex(case["result_hex"]))
    else:
        ack = error_ack(AbciError(case["error_codespace"], case["error_code"], "whatever"))
    assert ack.data == case["json"].encode(), name
    assert ack.success == case["success"]
    assert ack_commitment(ack.data).hex() == case["commitment"]
    parsed = parse_ack(ack.data)
    assert parsed is not None
    assert parsed.marshal() == ack.data
    assert parsed.success == case["success"]


def test_the_set_is_complete() -> None:
    assert len(acknowledgements()) >= 3
