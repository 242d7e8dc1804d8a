"""What the application remembers of its blocks beside their state: the last one, and when the recent ones were."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from chain.store.multistore import KEEP_RECENT, MultiStore
from light_client.values import ZERO_TIME, Timestamp

_LAST: Final = b"app/last"


@dataclass(frozen=True, slots=True)
class Block:
    """The part of a header that the application needs. Height 0: the genesis."""

    chain_id: str
    height: int
    time: Timestamp
    proposer: bytes = b""
    header_hash: bytes = b""

    def encode(self) -> bytes:
        hashes = (self.proposer.hex(), self.header_hash.hex())
        return json.dumps((self.chain_id, self.height, self.time.ns, *hashes)).encode()

    @classmethod
    def decode(cls, stored: bytes) -> Block:
        chain_id, height, ns, *hashes = json.loads(stored)
        return cls(chain_id, height, Timestamp.from_ns(ns), *map(bytes.fromhex, hashes))


NO_BLOCK: Final = Block("", 0, ZERO_TIME)


class Bookkeeping:
    """Kept in the multistore's bookkeeping, so with the commit of the block that it tells of.

    The times of the last ``slots`` blocks are remembered, one slot each.
    """

    def __init__(self, multistore: MultiStore, slots: int) -> None:
        self._multistore = multistore
        self._slots = slots or KEEP_RECENT

    def last(self) -> Block:
        """The last committed block; ``NO_BLOCK`` before the first."""
        stored = self._multistore.get_meta(_LAST)
        return Block.decode(stored) if stored else NO_BLOCK

    def put(self, block: Block) -> None:
        """Remember ``block`` once it is committed."""
        self._multistore.put_meta(_LAST, block.encode())
        self._multistore.put_meta(
            self._slot(block.height), f"{block.height} {block.time.ns}".encode()
        )

    def time_of(self, height: int) -> Timestamp | None:
        """The time of a block; None when it is too old to be remembered."""
        stored = self._multistore.get_meta(self._slot(height)) or b"0 0"
        known, ns = stored.split()
        return Timestamp.from_ns(int(ns)) if int(known) == height else None

    def _slot(self, height: int) -> bytes:
        return f"app/time/{height % self._slots}".encode()
