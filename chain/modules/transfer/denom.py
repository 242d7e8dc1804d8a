"""Denominations that have travelled: a base and the hops it came through (``types/{denom,hop,keys}.go``)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Final

from chain import gohex, gojson
from chain.coins import is_denom
from chain.errors import INVALID_COINS
from chain.modules.ibc.errors import explaining
from chain.modules.transfer.errors import INVALID_DENOM
from cosmos_pb.ibc.applications.transfer.v1 import denomtrace_pb2, token_pb2
from light_client import host
from light_client.errors import IdentifierError

PREFIX: Final = "ibc"
VERSION: Final = "ics20-1"
_HASH_SIZE = 32


@dataclass(frozen=True, slots=True)
class Hop:
    """A port and a channel (or an IBC v2 client) of the chain that received the token."""

    port: str
    channel: str

    def __str__(self) -> str:
        return f"{self.port}/{self.channel}"

    def validate(self) -> None:
        with explaining(f"invalid hop source port ID {self.port}"):
            host.validate_port_id(self.port)
        with explaining(f"invalid hop source channel ID {self.channel}"):
            host.validate_channel_id(self.channel)


@dataclass(frozen=True, slots=True)
class Denom:
    """``trace`` has the last hop first; without hops the base is native here."""

    base: str
    trace: tuple[Hop, ...] = ()

    @classmethod
    def parse(cls, path: str) -> Denom:
        """Read ``port/channel/.../base``: hops are pairs whose second part is a channel or client id (never fails)."""
        parts = path.split("/")
        count = 0
        while len(parts) > 2 and count < len(parts) - 1 and _is_hop_id(parts[count + 1]):
            count += 2
        hops = zip(parts[:count:2], parts[1:count:2], strict=True)
        return cls("/".join(parts[count:]), tuple(Hop(port, channel) for port, channel in hops))

    @property
    def path(self) -> str:
        return "/".join([*map(str, self.trace), self.base])

    @property
    def hash(self) -> bytes:
        return sha256(self.path.encode()).digest()

    @property
    def local(self) -> str:
        """What the bank calls it: the base when native, else ``ibc/`` and the hash of the path."""
        return f"{PREFIX}/{self.hash.hex().upper()}" if self.trace else self.base

    def came_through(self, port: str, channel: str) -> bool:
        """Whether the last hop is this one, so that sending the token there takes it home."""
        return bool(self.trace) and self.trace[0] == Hop(port, channel)

    def without_last_hop(self) -> Denom:
        return replace(self, trace=self.trace[1:])

    def with_hop(self, port: str, channel: str) -> Denom:
        return replace(self, trace=(Hop(port, channel), *self.trace))

    def validate(self) -> None:
        """transfer/3 for a blank base, host/2 for a hop that is none."""
        if not self.base.strip():
            raise INVALID_DENOM("base denomination cannot be blank")
        for hop in self.trace:
            with explaining("invalid trace"):
                hop.validate()

    def json(self) -> str:
        """As Go's ``encoding/json`` writes the message, for events."""
        hops = ",".join(
            gojson.dumps([("port_id", hop.port), ("channel_id", hop.channel)]).decode()
            for hop in self.trace
        )
        base = f'"base":{gojson.quote(self.base)},' if self.base else ""
        return f'{{{base}"trace":{f"[{hops}]" if self.trace else "null"}}}'

    def to_pb(self) -> token_pb2.Denom:
        hops = [token_pb2.Hop(port_id=hop.port, channel_id=hop.channel) for hop in self.trace]
        return token_pb2.Denom(base=self.base, trace=hops)

    def to_trace_pb(self) -> denomtrace_pb2.DenomTrace:
        """The form of ibc-go v8."""
        return denomtrace_pb2.DenomTrace(path="/".join(map(str, self.trace)), base_denom=self.base)

    def sort_key(self) -> tuple[Any, ...]:
        return self.base, len(self.trace), self.path


def from_pb(message: token_pb2.Denom) -> Denom:
    return Denom(message.base, tuple(Hop(hop.port_id, hop.channel_id) for hop in message.trace))


def escrow_address(port: str, channel: str) -> bytes:
    """The 20 bytes of the account that holds what left through a channel."""
    return sha256(f"{VERSION}\0{port}/{channel}".encode()).digest()[:20]


def parse_hash(text: str) -> bytes:
    """The 32 (or no) bytes of a hexadecimal hash; ValueError in the words of Go."""
    raw = gohex.decode(text)
    if raw and len(raw) != _HASH_SIZE:
        raise ValueError(f"expected size to be {_HASH_SIZE} bytes, got {len(raw)} bytes")
    return raw


def validate_local(denom: str) -> None:
    """A denomination that the bank may hold: sdk/10 by its shape, transfer/3 for a bad ``ibc/`` hash."""
    if not is_denom(denom):
        raise INVALID_COINS(f"invalid denom: {denom}")
    prefix, separator, rest = denom.partition("/")
    if prefix != PREFIX:
        return
    if not separator or not rest.strip():
        raise INVALID_DENOM(
            f"denomination should be prefixed with the format 'ibc/{{hash(trace + \"/\" + {denom})}}'"
        )
    try:
        parse_hash(rest)
    except ValueError as error:
        raise INVALID_DENOM(f"invalid denom trace hash {rest}: {error}") from error


def _is_hop_id(text: str) -> bool:
    for parse in (host.parse_channel_id, host.parse_client_id):
        try:
            parse(text)
        except IdentifierError:
            continue
        return True
    return False
