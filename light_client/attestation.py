"""What attestors sign for a client of theirs (``ibc-go:modules/light-clients/attestations``): Solidity-encoded facts.

An attestation's signature is over ``sha256(tag ‖ sha256(data))``, so that one kind cannot pass for the other.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from light_client import abi


@dataclass(frozen=True, slots=True)
class StateAttestation:
    """A block of the other chain had this time, in whole seconds."""

    height: int
    timestamp_seconds: int

    def encode(self) -> bytes:
        return abi.encode(abi.Tuple((self.height, self.timestamp_seconds)))

    def digest(self) -> bytes:
        return _tagged(1, self.encode())


@dataclass(frozen=True, slots=True)
class PacketAttestation:
    """At this height, these paths (Keccak-256 of a key) held these commitments; 32 zero bytes for nothing."""

    height: int
    packets: tuple[tuple[bytes, bytes], ...]

    def encode(self) -> bytes:
        return abi.encode(abi.Tuple((self.height, abi.Array(_pairs(self.packets)))))

    def digest(self) -> bytes:
        return _tagged(2, self.encode())


def _pairs(packets: Iterable[tuple[bytes, bytes]]) -> Iterable[abi.Tuple]:
    return (abi.Tuple((abi.Fixed(path), abi.Fixed(held))) for path, held in packets)


def _tagged(tag: int, data: bytes) -> bytes:
    return sha256(bytes([tag]) + sha256(data).digest()).digest()
