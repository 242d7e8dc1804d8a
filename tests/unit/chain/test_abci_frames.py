"""ABCI messages on a socket: whole, in pieces, and not at all."""

import pytest

from chain.abci_frames import FrameError, FrameReader, frame
from cosmos_pb.tendermint.abci import types_pb2 as abci

ECHO = abci.Request(echo=abci.RequestEcho(message="x" * 300))


def test_messages_come_out_as_they_went_in_however_they_arrive() -> None:
    stream = frame(ECHO) + frame(abci.Request(flush=abci.RequestFlush())) + frame(ECHO)
    whole = list(FrameReader(abci.Request).feed(stream))
    reader = FrameReader(abci.Request)
    assert [found for byte in stream for found in reader.feed(bytes([byte]))] == whole
    assert [message.WhichOneof("value") for message in whole] == ["echo", "flush", "echo"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\xff\xff\xff\x7f", "message of 268435455 bytes exceeds 104857600"),
        (b"\xff" * 10, "more than ten bytes"),
        (b"\x02\x0a\x05", "not a tendermint.abci.Request"),
    ],
)
def test_what_is_no_frame(data: bytes, said: str) -> None:
    with pytest.raises(FrameError, match=said):
        list(FrameReader(abci.Request).feed(data))
