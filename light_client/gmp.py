"""Calls to accounts on another chain (ICS-27 GMP, ``ibc-go:modules/apps/27-gmp/types``): the packet and its answer."""

from dataclasses import dataclass

from light_client import abi, wire


@dataclass(frozen=True, slots=True)
class GmpPacketData:
    """Who calls whom with what; `salt` tells several accounts of one sender apart."""

    sender: str
    receiver: str
    salt: bytes
    payload: bytes
    memo: str

    def to_proto(self) -> bytes:
        """`application/x-protobuf`."""
        fields = (self.sender.encode(), self.receiver.encode(), self.salt, self.payload)
        parts = [wire.bytes_field(tag, value) for tag, value in enumerate(fields, 1)]
        return b"".join(parts) + wire.bytes_field(5, self.memo.encode())

    def to_abi(self) -> bytes:
        """`application/x-solidity-abi`."""
        return abi.encode(
            abi.Tuple((self.sender, self.receiver, self.salt, self.payload, self.memo))
        )


@dataclass(frozen=True, slots=True)
class GmpAcknowledgement:
    """What the call returned."""

    result: bytes

    def to_proto(self) -> bytes:
        return wire.bytes_field(1, self.result)

    def to_abi(self) -> bytes:
        return abi.encode(abi.Tuple((self.result,)))
