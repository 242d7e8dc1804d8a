"""Two chains made of keepers and a store, whose headers are signed and whose proofs are real; no node, no transactions.

A block is whatever messages run between two ``commit`` calls. ``Link`` plays the relayer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.message import Message
from helpers.validators import GENESIS, SECOND, Signer, make_block, signers, validator_set

from chain.coins import Coin
from chain.context import Context, Mode
from chain.errors import AbciError
from chain.events import Event
from chain.gas import GasMeter
from chain.modules.auth import Auth
from chain.modules.bank import Bank
from chain.modules.ibc import Acknowledgement, Ibc, error_ack, result_ack
from chain.modules.ica import InterchainAccounts
from chain.modules.transfer import Transfer
from chain.router import MessageResult, Routers
from chain.store.branch import Branch
from chain.store.database import MemoryDatabase
from chain.store.multistore import MultiStore
from cosmos_pb.cosmos.ics23.v1 import proofs_pb2
from cosmos_pb.ibc.core.channel.v1 import channel_pb2
from cosmos_pb.ibc.core.channel.v1 import tx_pb2 as channel_tx
from cosmos_pb.ibc.core.client.v1 import client_pb2
from cosmos_pb.ibc.core.client.v1 import tx_pb2 as client_tx
from cosmos_pb.ibc.core.commitment.v1 import commitment_pb2
from cosmos_pb.ibc.core.connection.v1 import connection_pb2
from cosmos_pb.ibc.core.connection.v1 import tx_pb2 as connection_tx
from light_client import host
from light_client.client import ClientState, ConsensusState
from light_client.codec import height_to_pb, packet_to_pb, to_any
from light_client.commit import LightBlock
from light_client.message import ClientHeader
from light_client.packet import Packet
from light_client.values import ZERO_HEIGHT, Fraction, Height, revision

DAY = 86_400 * SECOND
REFUSED = AbciError("mock", 7, "the application refuses")


@dataclass
class MockApp:
    """An application on port "mock" that answers what its packets ask for and remembers what it saw."""

    ibc: Ibc
    seen: list[tuple[str, Any]] = field(default_factory=list)
    received: list[Packet] = field(default_factory=list)

    def on_chan_open_init(self, *call: Any) -> str:
        _, _, _, _, channel, counterparty, version = call
        self.seen.append(("open_init", (channel, counterparty)))
        return version or "mock-1"

    def on_chan_open_try(self, *call: Any) -> str:
        _, _, _, _, channel, counterparty, version = call
        if version == "refuse-me":
            raise REFUSED
        self.seen.append(("open_try", (channel, counterparty)))
        return str(version)

    def on_chan_open_ack(self, *call: Any) -> None:
        _, _, channel, counterparty_channel, _ = call
        self.seen.append(("open_ack", (channel, counterparty_channel)))

    def on_chan_open_confirm(self, *call: Any) -> None:
        self.seen.append(("open_confirm", call[-1]))

    def on_chan_close_init(self, *call: Any) -> None:
        self.seen.append(("close_init", call[-1]))

    def on_chan_close_confirm(self, *call: Any) -> None:
        self.seen.append(("close_confirm", call[-1]))

    def on_recv_packet(self, ctx: Context, packet: Packet, *_: str) -> Acknowledgement | None:
        self.received.append(packet)
        ctx.kv("transfer").set(b"mock/" + packet.data, b"here")
        ctx.emit("mock_received", data=packet.data.decode())
        if packet.data == b"refuse":
            return error_ack(REFUSED)
        if packet.data == b"crash":
            raise REFUSED
        return None if packet.data == b"later" else result_ack(b"\x01")

    def on_acknowledgement_packet(self, ctx: Context, packet: Packet, ack: bytes, *_: str) -> None:
        path = host.packet_commitment_path(
            packet.source_port, packet.source_channel, packet.sequence
        )
        self.seen.append(("ack", (packet.sequence, ack, ctx.kv("ibc").get(path.encode()))))

    def on_timeout_packet(self, _: Context, packet: Packet, *__: str) -> None:
        self.seen.append(("timeout", packet.sequence))


class MiniChain:
    """A chain with auth, bank, IBC, ICS-20, ICS-27 and the mock application."""

    def __init__(self, chain_id: str, members: Sequence[Signer] | None = None) -> None:
        self.chain_id = chain_id
        self.members = list(members or signers(4, prefix=chain_id))
        permissions: dict[str, tuple[str, ...]] = {
            "transfer": ("minter", "burner"),
            "fee_collector": (),
            "gov": (),
        }
        self.auth = Auth("cosmos", permissions)
        self.authority = self.auth.module_address("gov")
        self.bank = Bank(self.auth, ("transfer", "fee_collector"))
        self.ibc = Ibc(self.authority)
        routers = Routers()
        self.transfer = Transfer(self.auth, self.bank, self.ibc, routers.messages)
        self.mock = MockApp(self.ibc)
        self.ibc.route("mock", self.mock)
        self.messages, self.queries = routers.messages, routers.queries
        self.ica = InterchainAccounts(self.auth, self.ibc, routers)
        self.modules = (self.auth, self.bank, self.ibc, self.transfer, self.ica)
        for module in self.modules:
            module.register(self.messages, self.queries)
        names = [name for module in self.modules for name in module.stores]
        self.store = MultiStore(MemoryDatabase(), names)
        self.branch = Branch(self.store.snapshot())
        self.clock = GENESIS
        self.blocks: dict[int, LightBlock] = {}
        self.user = self.auth.address_text(b"user of " + chain_id.encode().ljust(12)[:12])
        for module in self.modules:
            module.init_genesis(self.context(Mode.GENESIS), {})
        self.commit()

    @property
    def height(self) -> int:
        """Of the block that is being filled."""
        return self.store.version + 1

    def revised(self, height: int) -> Height:
        return Height(revision(self.chain_id), height)

    def context(self, mode: Mode = Mode.DELIVER) -> Context:
        meter, app_hash = GasMeter(), self.store.app_hash
        return Context(
            self.chain_id, self.height, self.clock, self.branch, meter, mode, app_hash=app_hash
        )

    def run(self, message: Message, ctx: Context | None = None) -> MessageResult:
        """Validate and execute one message in the current block."""
        url = f"/{message.DESCRIPTOR.full_name}"
        self.messages.service(url).validate(message)
        return self.messages.dispatch(ctx or self.context(), message)

    def fund(self, address: str, *coins: str) -> None:
        for text in coins:
            digits = len(text) - len(text.lstrip("0123456789"))
            coin = Coin(text[digits:], int(text[:digits]))
            self.bank.mint(self.context(), "transfer", (coin,))
            self.bank.send(self.context(), self.auth.module_address("transfer"), address, (coin,))

    def balance(self, address: str, denom: str) -> int:
        return self.bank.balance(self.context(), address, denom)

    def commit(self, seconds: int = 1) -> None:
        """End the block; the next one is that much later and carries its app hash."""
        self.store.stage(self.branch.writes)
        self.store.commit()
        self.branch = Branch(self.store.snapshot())
        self.clock = self.clock.add(seconds * SECOND)
        self.blocks[self.height] = make_block(
            self.chain_id, self.height, self.members, time=self.clock, app_hash=self.store.app_hash
        )

    def query(self, path: str, request: Message, response: type[Any]) -> Any:
        """Ask the last committed state."""
        ctx = Context(
            self.chain_id,
            self.store.version,
            self.clock,
            Branch(self.store.snapshot()),
            GasMeter(),
            Mode.QUERY,
        )
        return response.FromString(self.queries.handle(ctx, path, request.SerializeToString()))

    def prove(self, path: str | bytes) -> bytes:
        """A MerkleProof of what the last committed version has (or has not) under an ICS-24 path."""
        key = path if isinstance(path, bytes) else path.encode()
        _, ops = self.store.prove("ibc", key, self.store.version)
        proofs = [proofs_pb2.CommitmentProof.FromString(op.data) for op in ops.ops]
        return commitment_pb2.MerkleProof(proofs=proofs).SerializeToString()

    @property
    def proof_height(self) -> client_pb2.Height:
        """The header that carries the last committed version."""
        return height_to_pb(self.revised(self.height))

    def client_state(self, **changes: Any) -> ClientState:
        """What a client of this chain starts with."""
        values: dict[str, Any] = {
            "chain_id": self.chain_id,
            "trust_level": Fraction(1, 3),
            "trusting_period_ns": 14 * DAY,
            "unbonding_period_ns": 21 * DAY,
            "max_clock_drift_ns": 40 * SECOND,
            "frozen_height": ZERO_HEIGHT,
            "latest_height": self.revised(self.height),
        }
        return ClientState(**{**values, **changes})

    def consensus_state(self) -> ConsensusState:
        header = self.blocks[self.height].header
        return ConsensusState(header.time, header.app_hash, header.next_validators_hash)

    def client_header(self, trusted: Height, height: int | None = None) -> ClientHeader:
        block = self.blocks[height or self.height]
        own = validator_set(self.members)
        return ClientHeader(block.signed_header, own, trusted, own)


@dataclass
class End:
    """One side of a link."""

    chain: MiniChain
    client: str = ""
    connection: str = ""

    @property
    def signer(self) -> str:
        return self.chain.user


class Link:
    """A relayer between two chains, one step at a time."""

    def __init__(self, a: MiniChain, b: MiniChain) -> None:
        self.a, self.b = End(a), End(b)

    def other(self, end: End) -> End:
        return self.b if end is self.a else self.a

    def create_clients(self) -> None:
        for end in (self.a, self.b):
            other = self.other(end).chain
            message = client_tx.MsgCreateClient(
                client_state=to_any(other.client_state()),
                consensus_state=to_any(other.consensus_state()),
                signer=end.signer,
            )
            end.client = attribute(end.chain.run(message).events, "create_client", "client_id")
            end.chain.commit()

    def update(self, end: End, seconds: int = 1) -> None:
        """Commit the other side, then show its newest header here."""
        other = self.other(end).chain
        other.commit(seconds)
        end.chain.clock = max(end.chain.clock, other.clock)
        end.chain.run(self.update_message(end))

    def update_message(self, end: End) -> client_tx.MsgUpdateClient:
        other = self.other(end).chain
        latest = end.chain.ibc.clients.latest_height(end.chain.context(), end.client)
        header = other.client_header(latest)
        return client_tx.MsgUpdateClient(
            client_id=end.client, client_message=to_any(header), signer=end.signer
        )

    def open_connection(self, delay_period: int = 0) -> None:
        a, b = self.a, self.b
        counterparty = connection_pb2.Counterparty(client_id=b.client)
        counterparty.prefix.key_prefix = b"ibc"
        init = connection_tx.MsgConnectionOpenInit(
            client_id=a.client,
            counterparty=counterparty,
            delay_period=delay_period,
            signer=a.signer,
        )
        a.connection = attribute(a.chain.run(init).events, "connection_open_init", "connection_id")
        self.update(b)
        b.connection = attribute(
            b.chain.run(self.connection_try()).events, "connection_open_try", "connection_id"
        )
        self.update(a)
        a.chain.run(self.connection_ack())
        self.update(b)
        confirm = connection_tx.MsgConnectionOpenConfirm(
            connection_id=b.connection,
            proof_ack=a.chain.prove(host.connection_path(a.connection)),
            proof_height=a.chain.proof_height,
            signer=b.signer,
        )
        b.chain.run(confirm)
        self.update(a)

    def connection_try(self) -> connection_tx.MsgConnectionOpenTry:
        a, b = self.a, self.b
        end = a.chain.ibc.connections.require(a.chain.context(), a.connection)
        counterparty = connection_pb2.Counterparty(client_id=a.client, connection_id=a.connection)
        counterparty.prefix.key_prefix = b"ibc"
        return connection_tx.MsgConnectionOpenTry(
            client_id=b.client,
            counterparty=counterparty,
            delay_period=end.delay_period,
            counterparty_versions=end.versions,
            proof_init=a.chain.prove(host.connection_path(a.connection)),
            proof_height=a.chain.proof_height,
            signer=b.signer,
        )

    def connection_ack(self) -> connection_tx.MsgConnectionOpenAck:
        a, b = self.a, self.b
        end = b.chain.ibc.connections.require(b.chain.context(), b.connection)
        return connection_tx.MsgConnectionOpenAck(
            connection_id=a.connection,
            counterparty_connection_id=b.connection,
            version=end.versions[0],
            proof_try=b.chain.prove(host.connection_path(b.connection)),
            proof_height=b.chain.proof_height,
            signer=a.signer,
        )

    def open_channel(
        self, port: str = "mock", *, ordered: bool = False, version: str = ""
    ) -> tuple[str, str]:
        """The whole handshake from A; the channel ids on A and B."""
        order = channel_pb2.ORDER_ORDERED if ordered else channel_pb2.ORDER_UNORDERED
        channel_a = self.channel_init(port, order, version)
        return channel_a, self.finish_channel(port, channel_a, port)

    def finish_channel(self, port: str, channel_a: str, other_port: str) -> str:
        """The handshake after INIT on A; the channel id on B."""
        a, b = self.a, self.b
        self.update(b)
        result = b.chain.run(self.channel_try(port, channel_a, other_port))
        channel_b = attribute(result.events, "channel_open_try", "channel_id")
        self.update(a)
        a.chain.run(self.channel_ack(port, channel_a, channel_b, other_port))
        self.update(b)
        confirm = channel_tx.MsgChannelOpenConfirm(
            port_id=other_port,
            channel_id=channel_b,
            proof_ack=a.chain.prove(host.channel_path(port, channel_a)),
            proof_height=a.chain.proof_height,
            signer=b.signer,
        )
        b.chain.run(confirm)
        self.update(a)
        return channel_b

    def channel_init(self, port: str, order: channel_pb2.Order.ValueType, version: str) -> str:
        end = channel_pb2.Channel(
            state=channel_pb2.STATE_INIT,
            ordering=order,
            counterparty=channel_pb2.Counterparty(port_id=port),
            connection_hops=[self.a.connection],
            version=version,
        )
        message = channel_tx.MsgChannelOpenInit(port_id=port, channel=end, signer=self.a.signer)
        return attribute(self.a.chain.run(message).events, "channel_open_init", "channel_id")

    def channel_try(
        self, port: str, channel_a: str, other_port: str = ""
    ) -> channel_tx.MsgChannelOpenTry:
        a, b = self.a, self.b
        theirs = a.chain.ibc.channel(a.chain.context(), port, channel_a)
        assert theirs is not None
        end = channel_pb2.Channel(
            state=channel_pb2.STATE_TRYOPEN,
            ordering=theirs.ordering,
            counterparty=channel_pb2.Counterparty(port_id=port, channel_id=channel_a),
            connection_hops=[b.connection],
            version=theirs.version,
        )
        return channel_tx.MsgChannelOpenTry(
            port_id=other_port or port,
            channel=end,
            counterparty_version=theirs.version,
            proof_init=a.chain.prove(host.channel_path(port, channel_a)),
            proof_height=a.chain.proof_height,
            signer=b.signer,
        )

    def channel_ack(
        self, port: str, channel_a: str, channel_b: str, other_port: str = ""
    ) -> channel_tx.MsgChannelOpenAck:
        b, other_port = self.b.chain, other_port or port
        theirs = b.ibc.channel(b.context(), other_port, channel_b)
        assert theirs is not None
        return channel_tx.MsgChannelOpenAck(
            port_id=port,
            channel_id=channel_a,
            counterparty_channel_id=channel_b,
            counterparty_version=theirs.version,
            proof_try=b.prove(host.channel_path(other_port, channel_b)),
            proof_height=b.proof_height,
            signer=self.a.signer,
        )

    # Packets. Proofs are of the last committed version of the other side.

    def recv(self, end: End, packet: Packet) -> channel_tx.MsgRecvPacket:
        source = self.other(end).chain
        path = host.packet_commitment_path(
            packet.source_port, packet.source_channel, packet.sequence
        )
        return channel_tx.MsgRecvPacket(
            packet=packet_to_pb(packet),
            proof_commitment=source.prove(path),
            proof_height=source.proof_height,
            signer=end.signer,
        )

    def acknowledge(self, end: End, packet: Packet, ack: bytes) -> channel_tx.MsgAcknowledgement:
        destination = self.other(end).chain
        path = host.packet_ack_path(
            packet.destination_port, packet.destination_channel, packet.sequence
        )
        return channel_tx.MsgAcknowledgement(
            packet=packet_to_pb(packet),
            acknowledgement=ack,
            proof_acked=destination.prove(path),
            proof_height=destination.proof_height,
            signer=end.signer,
        )

    def timeout(
        self, end: End, packet: Packet, *, ordered: bool = False, next_recv: int = 1
    ) -> channel_tx.MsgTimeout:
        destination = self.other(end).chain
        return channel_tx.MsgTimeout(
            packet=packet_to_pb(packet),
            proof_unreceived=destination.prove(_unreceived_path(packet, ordered=ordered)),
            proof_height=destination.proof_height,
            next_sequence_recv=next_recv,
            signer=end.signer,
        )

    def timeout_on_close(
        self, end: End, packet: Packet, *, ordered: bool = False, next_recv: int = 1
    ) -> channel_tx.MsgTimeoutOnClose:
        destination = self.other(end).chain
        closed = host.channel_path(packet.destination_port, packet.destination_channel)
        return channel_tx.MsgTimeoutOnClose(
            packet=packet_to_pb(packet),
            proof_unreceived=destination.prove(_unreceived_path(packet, ordered=ordered)),
            proof_close=destination.prove(closed),
            proof_height=destination.proof_height,
            next_sequence_recv=next_recv,
            signer=end.signer,
        )


def _unreceived_path(packet: Packet, *, ordered: bool) -> str:
    port, channel = packet.destination_port, packet.destination_channel
    if ordered:
        return host.next_sequence_recv_path(port, channel)
    return host.packet_receipt_path(port, channel, packet.sequence)


def attribute(events: Sequence[Event], type_: str, key: str) -> str:
    """The value in the last event of that type."""
    found = [event.get(key) for event in events if event.type == type_]
    assert found, f"no event {type_} in {[event.type for event in events]}"
    assert found[-1] is not None, f"no attribute {key} in {type_}"
    return found[-1]


def packet_of(events: Sequence[Event], type_: str = "send_packet") -> Packet:
    """The packet that the last event of that type describes."""
    (event,) = [event for event in events if event.type == type_][-1:]
    values = dict(event.attributes)
    return Packet(
        sequence=int(values["packet_sequence"]),
        source_port=values["packet_src_port"],
        source_channel=values["packet_src_channel"],
        destination_port=values["packet_dst_port"],
        destination_channel=values["packet_dst_channel"],
        data=bytes.fromhex(values["packet_data_hex"]),
        timeout_height=Height.parse(values["packet_timeout_height"]),
        timeout_timestamp=int(values["packet_timeout_timestamp"]),
    )


def linked() -> Link:
    """Two chains with clients and an open connection."""
    link = Link(MiniChain("alpha-1"), MiniChain("beta"))
    link.create_clients()
    link.open_connection()
    return link
