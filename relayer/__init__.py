"""The relayer: chains as endpoints, links between them, and the daemon that carries packets.

    a = await Endpoint(settings_of_a, transport_of_a, [signer_of_a]).open()
    b = await Endpoint(settings_of_b, transport_of_b, [signer_of_b]).open()
    link = await Link.create(a, b)
    channel = await link.open_channel("transfer", "transfer", "ics20-1")
    report = await link.relay_all()

Everything that a chain serves is verified before it is used.
"""

from relayer.coins import Coin, GasPrice
from relayer.endpoint import ChainSettings, Endpoint
from relayer.errors import (
    ChainMismatch,
    ConfigError,
    HandshakeError,
    KeyringError,
    NetworkError,
    PathStopped,
    QueryError,
    RelayerError,
    RpcError,
    StateError,
    TxError,
    TxLost,
    TxRejected,
    VerificationFailed,
)
from relayer.keys import Signer
from relayer.link import ChannelPair, Link, Report
from relayer.notices import Notice, Notices
from relayer.state import State
from relayer.transport import HttpTransport, Transport

__all__ = [
    "ChainMismatch",
    "ChainSettings",
    "ChannelPair",
    "Coin",
    "ConfigError",
    "Endpoint",
    "GasPrice",
    "HandshakeError",
    "HttpTransport",
    "KeyringError",
    "Link",
    "NetworkError",
    "Notice",
    "Notices",
    "PathStopped",
    "QueryError",
    "RelayerError",
    "Report",
    "RpcError",
    "Signer",
    "State",
    "StateError",
    "Transport",
    "TxError",
    "TxLost",
    "TxRejected",
    "VerificationFailed",
]
