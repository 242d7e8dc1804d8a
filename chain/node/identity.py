"""What a node says about itself, beside its chain."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from light_client.keys import PublicKey


@dataclass(slots=True)
class Identity:
    """``validator`` is the key shown as the node's own; the addresses are known once it serves."""

    validator: PublicKey
    moniker: str = "lightship"
    listen_address: str = "tcp://127.0.0.1:26656"
    rpc_address: str = "tcp://127.0.0.1:26657"

    @property
    def node_id(self) -> str:
        """40 hexadecimal digits, as CometBFT derives them from a node's key."""
        return sha256(b"node" + self.validator.data).digest()[:20].hex()
