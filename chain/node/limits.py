"""How much a node takes from others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class MempoolLimits:
    """Numbers of transactions and bytes; ``cache`` is how many hashes are remembered."""

    max_tx_bytes: int = 1_048_576
    max_txs: int = 5_000
    max_txs_bytes: int = 1_073_741_824
    cache: int = 10_000


MAX_LINE: Final = 1 << 20
"""Bytes of a request's first line, in which a transaction may stand (``http.DefaultMaxHeaderBytes`` of Go)."""


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """Bytes of a request, requests of a batch, connections, clients with subscriptions, and subscriptions of each.

    CometBFT's defaults are 1 MB, 10, 900, 100 and 5. Contracts that were not compressed need larger requests, loads
    larger batches, and hundreds of followers more clients.
    """

    body: int = 4 << 20
    batch: int = 100
    connections: int = 2_000
    subscribed_clients: int = 1_000
    subscriptions: int = 5
