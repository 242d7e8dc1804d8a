"""ABCI messages as they stand on a socket."""

import pytest
from google.protobuf.message import Message
from helpers import vectors
from helpers.vectors import Case, raw

from chain.abci_frames import FrameReader, frame
from cosmos_pb.tendermint.abci import types_pb2 as abci

FOLDER = vectors.topic("abci")
KINDS: dict[str, type[Message]] = {"Request": abci.Request, "Response": abci.Response}


@pytest.mark.parametrize(("name", "case"), vectors.cases(FOLDER))
def test_vector(name: str, case: Case) -> None:
    vectors.run(name, case, RUNNERS)


def run_frame(case: Case) -> None:
    kind, data = KINDS[case["kind"]], raw(case["frame"])
    [message] = FrameReader(kind).feed(data)
    assert message.SerializeToString() == raw(case["message"])
    [(field, _)] = message.ListFields()
    assert field.number == case["oneof_field"]
    assert frame(message) == data
    piecemeal = FrameReader(kind)
    pieces = [found for byte in data + data for found in piecemeal.feed(bytes([byte]))]
    assert pieces == [message, message]


RUNNERS: list[vectors.Runner] = [({"kind", "oneof_field", "message", "frame"}, run_frame)]


def test_the_set_is_complete() -> None:
    vectors.enough(vectors.cases(FOLDER), 8)
