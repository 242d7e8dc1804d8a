"""IBC core: clients, connections, channels, packets; and the seam to applications."""

from chain.modules.ibc.module import Ibc
from chain.modules.ibc.port import (
    Acknowledgement,
    Counterparty,
    PortModule,
    StandardAck,
    error_ack,
    parse_ack,
    result_ack,
)

__all__ = [
    "Acknowledgement",
    "Counterparty",
    "Ibc",
    "PortModule",
    "StandardAck",
    "error_ack",
    "parse_ack",
    "result_ack",
]
