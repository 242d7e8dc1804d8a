"""ABCI over a socket: each message behind its length (`cometbft:abci/types/messages.go`, `abci/client`).

A consensus engine and an application in another process talk in these; ``Request`` and ``Response`` are one protobuf
message each, whose oneof names the call.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Generic, TypeVar

from google.protobuf.message import DecodeError as ProtobufDecodeError
from google.protobuf.message import Message

from chain.errors import ChainError
from light_client.wire import uvarint

MAX_MESSAGE: Final = 104_857_600
"""The longest message that CometBFT takes (``abci/types/messages.go`` maxMsgSize), in bytes."""
_MAX_LENGTH_BYTES: Final = 10

M = TypeVar("M", bound=Message)


class FrameError(ChainError):
    """Bytes that no frame begins with, or a message that is none."""


def frame(message: Message) -> bytes:
    body = message.SerializeToString()
    return uvarint(len(body)) + body


class FrameReader(Generic[M]):
    """Messages of one kind out of bytes that arrive in pieces."""

    def __init__(self, kind: type[M], max_message: int = MAX_MESSAGE) -> None:
        self._kind = kind
        self._max = max_message
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[M]:
        """The messages that are complete with these bytes; FrameError ends the connection."""
        self._buffer += data
        while (found := self._length()) is not None:
            length, start = found
            if len(self._buffer) < start + length:
                return
            body = bytes(self._buffer[start : start + length])
            del self._buffer[: start + length]
            yield self._parse(body)

    def _length(self) -> tuple[int, int] | None:
        """The next message's length and where it begins; None while that has not arrived."""
        value = 0
        for at, byte in enumerate(self._buffer[:_MAX_LENGTH_BYTES]):
            value |= (byte & 127) << 7 * at
            if byte < 128:
                if value > self._max:
                    raise FrameError(f"message of {value} bytes exceeds {self._max}")
                return value, at + 1
        if len(self._buffer) >= _MAX_LENGTH_BYTES:
            raise FrameError("the length of a message has more than ten bytes")
        return None

    def _parse(self, body: bytes) -> M:
        try:
            return self._kind.FromString(body)
        except ProtobufDecodeError as error:
            raise FrameError(f"not a {self._kind.DESCRIPTOR.full_name}: {error}") from error
