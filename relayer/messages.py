"""Building IBC messages: bytes that were proven in, packed messages out. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cosmos_pb.google.protobuf import any_pb2
from cosmos_pb.ibc.core.channel.v1 import channel_pb2
from cosmos_pb.ibc.core.channel.v1 import tx_pb2 as channel_tx
from cosmos_pb.ibc.core.client.v1 import tx_pb2 as client_tx
from cosmos_pb.ibc.core.connection.v1 import connection_pb2
from cosmos_pb.ibc.core.connection.v1 import tx_pb2 as connection_tx
from light_client import codec
from light_client.host import STORE_PREFIX
from light_client.message import ClientHeader, Misbehaviour
from light_client.packet import Packet
from light_client.state import ClientState, ConsensusState
from light_client.values import Height
from relayer.tx import pack

ORDERS: Final = ("ORDER_ORDERED", "ORDER_UNORDERED")


@dataclass(frozen=True, slots=True)
class Proof:
    """A `MerkleProof` and the height of the header that it leads to."""

    data: bytes
    height: Height


@dataclass(frozen=True, slots=True)
class SelfProof:
    """What one chain's client says of the other: ibc-go demanded it up to v8, and ignores it since."""

    client_state: any_pb2.Any
    client: Proof
    consensus: Proof
    consensus_height: Height


@dataclass(frozen=True, slots=True)
class ChannelSpec:
    """What a channel is to be: port and channel on this side ("" when new), those of the other."""

    port: str
    counterparty_port: str
    counterparty_channel: str
    connection: str
    version: str
    ordered: bool


def create_client(state: ClientState, consensus: ConsensusState, signer: str) -> any_pb2.Any:
    message = client_tx.MsgCreateClient(signer=signer)
    message.client_state.CopyFrom(codec.to_any(state))
    message.consensus_state.CopyFrom(codec.to_any(consensus))
    return pack(message)


def update_client(client: str, content: ClientHeader | Misbehaviour, signer: str) -> any_pb2.Any:
    """A header for a client, or evidence that freezes it."""
    message = client_tx.MsgUpdateClient(client_id=client, signer=signer)
    message.client_message.CopyFrom(codec.to_any(content))
    return pack(message)


def connection_init(client: str, counterparty_client: str, signer: str) -> any_pb2.Any:
    message = connection_tx.MsgConnectionOpenInit(client_id=client, signer=signer)
    message.counterparty.CopyFrom(_counterparty(counterparty_client, ""))
    message.version.CopyFrom(_version())
    return pack(message)


def connection_try(
    client: str,
    counterparty: connection_pb2.ConnectionEnd,
    counterparty_connection: str,
    proof: Proof,
    self_proof: SelfProof,
    signer: str,
) -> any_pb2.Any:
    message = connection_tx.MsgConnectionOpenTry(
        client_id=client,
        delay_period=counterparty.delay_period,
        counterparty_versions=counterparty.versions,
        proof_height=codec.height_to_pb(proof.height),
        proof_init=proof.data,
        client_state=self_proof.client_state,
        proof_client=self_proof.client.data,
        proof_consensus=self_proof.consensus.data,
        consensus_height=codec.height_to_pb(self_proof.consensus_height),
        signer=signer,
    )
    message.counterparty.CopyFrom(_counterparty(counterparty.client_id, counterparty_connection))
    return pack(message)


def connection_ack(
    connection: str,
    counterparty: connection_pb2.ConnectionEnd,
    counterparty_connection: str,
    proof: Proof,
    self_proof: SelfProof,
    signer: str,
) -> any_pb2.Any:
    return pack(
        connection_tx.MsgConnectionOpenAck(
            connection_id=connection,
            counterparty_connection_id=counterparty_connection,
            version=counterparty.versions[0] if counterparty.versions else _version(),
            proof_height=codec.height_to_pb(proof.height),
            proof_try=proof.data,
            client_state=self_proof.client_state,
            proof_client=self_proof.client.data,
            proof_consensus=self_proof.consensus.data,
            consensus_height=codec.height_to_pb(self_proof.consensus_height),
            signer=signer,
        )
    )


def connection_confirm(connection: str, proof: Proof, signer: str) -> any_pb2.Any:
    return pack(
        connection_tx.MsgConnectionOpenConfirm(
            connection_id=connection,
            proof_ack=proof.data,
            proof_height=codec.height_to_pb(proof.height),
            signer=signer,
        )
    )


def channel_init(spec: ChannelSpec, signer: str) -> any_pb2.Any:
    message = channel_tx.MsgChannelOpenInit(port_id=spec.port, signer=signer)
    message.channel.CopyFrom(_channel(spec, channel_pb2.STATE_INIT, spec.version))
    return pack(message)


def channel_try(
    spec: ChannelSpec, counterparty_version: str, proof: Proof, signer: str
) -> any_pb2.Any:
    message = channel_tx.MsgChannelOpenTry(
        port_id=spec.port,
        counterparty_version=counterparty_version,
        proof_init=proof.data,
        proof_height=codec.height_to_pb(proof.height),
        signer=signer,
    )
    message.channel.CopyFrom(_channel(spec, channel_pb2.STATE_TRYOPEN, spec.version))
    return pack(message)


def channel_ack(
    port: str,
    channel: str,
    counterparty_channel: str,
    counterparty_version: str,
    proof: Proof,
    signer: str,
) -> any_pb2.Any:
    return pack(
        channel_tx.MsgChannelOpenAck(
            port_id=port,
            channel_id=channel,
            counterparty_channel_id=counterparty_channel,
            counterparty_version=counterparty_version,
            proof_try=proof.data,
            proof_height=codec.height_to_pb(proof.height),
            signer=signer,
        )
    )


def channel_confirm(port: str, channel: str, proof: Proof, signer: str) -> any_pb2.Any:
    return pack(
        channel_tx.MsgChannelOpenConfirm(
            port_id=port,
            channel_id=channel,
            proof_ack=proof.data,
            proof_height=codec.height_to_pb(proof.height),
            signer=signer,
        )
    )


def channel_close_init(port: str, channel: str, signer: str) -> any_pb2.Any:
    return pack(channel_tx.MsgChannelCloseInit(port_id=port, channel_id=channel, signer=signer))


def channel_close_confirm(port: str, channel: str, proof: Proof, signer: str) -> any_pb2.Any:
    return pack(
        channel_tx.MsgChannelCloseConfirm(
            port_id=port,
            channel_id=channel,
            proof_init=proof.data,
            proof_height=codec.height_to_pb(proof.height),
            signer=signer,
        )
    )


def recv_packet(packet: Packet, proof: Proof, signer: str) -> any_pb2.Any:
    return pack(
        channel_tx.MsgRecvPacket(
            packet=codec.packet_to_pb(packet),
            proof_commitment=proof.data,
            proof_height=codec.height_to_pb(proof.height),
            signer=signer,
        )
    )


def acknowledgement(packet: Packet, ack: bytes, proof: Proof, signer: str) -> any_pb2.Any:
    return pack(
        channel_tx.MsgAcknowledgement(
            packet=codec.packet_to_pb(packet),
            acknowledgement=ack,
            proof_acked=proof.data,
            proof_height=codec.height_to_pb(proof.height),
            signer=signer,
        )
    )


def timeout(packet: Packet, next_sequence: int, proof: Proof, signer: str) -> any_pb2.Any:
    """`next_sequence` is the destination's next receive sequence on an ordered channel."""
    return pack(
        channel_tx.MsgTimeout(
            packet=codec.packet_to_pb(packet),
            proof_unreceived=proof.data,
            proof_height=codec.height_to_pb(proof.height),
            next_sequence_recv=next_sequence,
            signer=signer,
        )
    )


def timeout_on_close(
    packet: Packet, next_sequence: int, proof: Proof, closed: bytes, signer: str
) -> any_pb2.Any:
    """`closed` proves, at the same height, that the destination's end of the channel is closed."""
    return pack(
        channel_tx.MsgTimeoutOnClose(
            packet=codec.packet_to_pb(packet),
            proof_unreceived=proof.data,
            proof_close=closed,
            proof_height=codec.height_to_pb(proof.height),
            next_sequence_recv=next_sequence,
            signer=signer,
        )
    )


def size(messages: Sequence[any_pb2.Any]) -> int:
    """Bytes of the messages in a transaction body, with their framing."""
    return sum(len(message.value) + len(message.type_url) + 16 for message in messages)


def _version() -> connection_pb2.Version:
    return connection_pb2.Version(identifier="1", features=ORDERS)


def _counterparty(client: str, connection: str) -> connection_pb2.Counterparty:
    end = connection_pb2.Counterparty(client_id=client, connection_id=connection)
    end.prefix.key_prefix = STORE_PREFIX
    return end


def _channel(
    spec: ChannelSpec, state: channel_pb2.State.ValueType, version: str
) -> channel_pb2.Channel:
    channel = channel_pb2.Channel(
        state=state,
        ordering=channel_pb2.ORDER_ORDERED if spec.ordered else channel_pb2.ORDER_UNORDERED,
        connection_hops=[spec.connection],
        version=version,
    )
    channel.counterparty.port_id = spec.counterparty_port
    channel.counterparty.channel_id = spec.counterparty_channel
    return channel
