"""The data of an ICS-20 packet and its JSON (``ibc-go:modules/apps/transfer/types/packet.go``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from chain import gojson
from chain.coins import integer
from chain.modules.ibc.errors import IBC_INVALID_ADDRESS, IBC_INVALID_TYPE, explaining
from chain.modules.transfer.denom import Denom
from chain.modules.transfer.errors import INVALID_AMOUNT, INVALID_MEMO
from light_client.packet import Packet

MAX_MEMO: Final = 32_768
MAX_RECEIVER: Final = 2_048
MAX_AMOUNT: Final = 2**256 - 1

FIELDS: Final = ("denom", "amount", "sender", "receiver", "memo")


@dataclass(frozen=True, slots=True)
class TransferData:
    """``denom`` is the full path; ``amount`` is text, as it came."""

    denom: str = ""
    amount: str = ""
    sender: str = ""
    receiver: str = ""
    memo: str = ""

    @property
    def token(self) -> Denom:
        return Denom.parse(self.denom)

    def marshal(self) -> bytes:
        """The JSON of Go's struct: in the order of its fields, without an empty memo."""
        members = [(name, getattr(self, name)) for name in FIELDS]
        return gojson.dumps((name, value) for name, value in members if name != "memo" or value)

    def validate(self) -> None:
        """``FungibleTokenPacketData.ValidateBasic``."""
        if parse_amount(self.amount) <= 0:
            raise INVALID_AMOUNT(f"amount must be strictly positive: got {self.amount}")
        if not self.sender.strip():
            raise IBC_INVALID_ADDRESS("sender address cannot be blank")
        if not self.receiver.strip():
            raise IBC_INVALID_ADDRESS("receiver address cannot be blank")
        self.token.validate()

    def validate_received(self) -> None:
        """What a receiver also asks (``InternalTransferRepresentation.ValidateBasic``)."""
        self.validate()
        if len(self.memo.encode()) > MAX_MEMO:
            raise INVALID_MEMO(f"memo must not exceed {MAX_MEMO} bytes")


def unmarshal(data: bytes) -> TransferData:
    """Read packet data as Go does, in any order and any case, and check it; ibc/12 when it is no such JSON.

    The last of equal members counts, null changes nothing; unknown members and trailing text are refused.
    """
    try:
        members = gojson.loads(data)
        if not isinstance(members, gojson.Pairs):
            raise gojson.JsonError(
                "cannot unmarshal into Go value of type types.FungibleTokenPacketData"
            )
        read = TransferData(**_strings(members))
    except ValueError as error:
        raise IBC_INVALID_TYPE(
            f"cannot unmarshal ICS20-V1 transfer packet data: {error}"
        ) from error
    with explaining("invalid packet data"):
        read.validate()
    return read


def _strings(members: gojson.Pairs) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in members:
        field = name.casefold()
        if field not in FIELDS:
            raise gojson.JsonError(f"json: unknown field {gojson.quote(name)}")
        if value is None:
            continue
        if not isinstance(value, str):
            raise gojson.JsonError(
                f"cannot unmarshal into Go struct field FungibleTokenPacketData.{field} of type string"
            )
        found[field] = gojson.clean(value)
    return found


def arrived(sent: Denom, packet: Packet) -> Denom:
    """A denomination of the packet as the chain that receives it has it: home again, or one hop further."""
    if sent.came_through(packet.source_port, packet.source_channel):
        return sent.without_last_hop()
    return sent.with_hop(packet.destination_port, packet.destination_channel)


def parse_amount(text: str) -> int:
    """An integer as ``math.NewIntFromString`` reads it: any base that its prefix names, at most 256 bits."""
    try:
        amount = integer(text)
    except ValueError as error:
        raise INVALID_AMOUNT(f"unable to parse transfer amount ({text}) into math.Int") from error
    if amount.bit_length() > MAX_AMOUNT.bit_length():
        raise INVALID_AMOUNT(f"unable to parse transfer amount ({text}) into math.Int")
    return amount
