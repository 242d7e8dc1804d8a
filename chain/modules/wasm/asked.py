"""What contracts ask: ``QueryRequest`` (wasmvm ``types/queries.go``). Exactly one field of each level is set."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from chain.modules.wasm.wire import check_u64

U16 = Annotated[int, msgspec.Meta(ge=0, le=2**16 - 1)]
U32 = Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)]


class Nothing(msgspec.Struct):
    pass


class Address(msgspec.Struct):
    address: str = ""


class Balance(msgspec.Struct):
    address: str = ""
    denom: str = ""


class Denom(msgspec.Struct):
    denom: str = ""


class Page(msgspec.Struct):
    key: bytes | None = None
    limit: U32 = 0
    reverse: bool = False


class Pages(msgspec.Struct):
    pagination: Page | None = None


class Bank(msgspec.Struct):
    supply: Denom | None = None
    balance: Balance | None = None
    all_balances: Address | None = None
    denom_metadata: Denom | None = None
    all_denom_metadata: Pages | None = None


class ListChannels(msgspec.Struct):
    port_id: str | None = None


class Channel(msgspec.Struct):
    port_id: str | None = None
    channel_id: str = ""


class Ibc(msgspec.Struct):
    port_id: Nothing | None = None
    list_channels: ListChannels | None = None
    channel: Channel | None = None


class Delegator(msgspec.Struct):
    delegator: str = ""


class Delegation(msgspec.Struct):
    delegator: str = ""
    validator: str = ""


class Staking(msgspec.Struct):
    bonded_denom: Nothing | None = None
    all_validators: Nothing | None = None
    validator: Address | None = None
    all_delegations: Delegator | None = None
    delegation: Delegation | None = None


class Smart(msgspec.Struct):
    contract_addr: str = ""
    msg: bytes = b""


class Raw(msgspec.Struct):
    contract_addr: str = ""
    key: bytes = b""


class Contract(msgspec.Struct):
    contract_addr: str = ""


class Code(msgspec.Struct):
    code_id: int = 0

    def __post_init__(self) -> None:
        check_u64(self.code_id)


class RawRange(msgspec.Struct):
    contract_addr: str = ""
    start: bytes | None = None
    end: bytes | None = None
    limit: U16 = 0
    order: str = ""


class Wasm(msgspec.Struct):
    smart: Smart | None = None
    raw: Raw | None = None
    contract_info: Contract | None = None
    code_info: Code | None = None
    raw_range: RawRange | None = None


class Routed(msgspec.Struct):
    """A query to a gRPC path; its answer is JSON under ``stargate``, protobuf under ``grpc``."""

    path: str = ""
    data: bytes = b""


class Request(msgspec.Struct):
    """Kinds that this chain does not answer are not read, only refused."""

    bank: Bank | None = None
    custom: Any = None
    ibc: Ibc | None = None
    staking: Staking | None = None
    stargate: Routed | None = None
    grpc: Routed | None = None
    wasm: Wasm | None = None
    distribution: Any = None
