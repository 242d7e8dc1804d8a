"""Genesis of IBC core: what is exported makes the same store again."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from helpers.ibc_v2 import LinkV2, linked_v2
from helpers.ibc_world import Link, MiniChain, linked, packet_of

from chain.context import Mode
from chain.errors import GenesisError
from cosmos_pb.ibc.core.client.v2 import config_pb2
from light_client.values import Height


def store_of(chain: MiniChain) -> dict[bytes, bytes]:
    return dict(chain.context().kv("ibc").prefix(b""))


def busy() -> Link:
    """Clients, connections, both kinds of channels, packets in every stage."""
    link = linked()
    link.open_channel()
    link.open_channel(ordered=True)
    ctx = link.a.chain.context()
    for channel in ("channel-0", "channel-1", "channel-0"):
        link.a.chain.ibc.send_packet(ctx, "mock", channel, Height(9, 1), 0, b"x")
    link.update(link.b)
    link.b.chain.run(link.recv(link.b, packet_of(ctx.events.events)))
    return link


def busy_v2() -> LinkV2:
    """Packets of IBC v2 in every stage, and a list of relayers."""
    link = linked_v2()
    for value in (b"hello", b"later", b"refuse", b"hello"):
        packet = link.send(link.a, value)
        if packet.sequence < 4:
            link.b.chain.run(link.receiving(link.b, packet))
    config = config_pb2.Config(allowed_relayers=[link.a.signer])
    link.a.chain.ibc.counterparties.set_config(link.a.chain.context(), link.a.client, config)
    return link


@pytest.mark.parametrize("make", [busy, busy_v2])
def test_a_round_trip_restores_every_key(make: Callable[[], Link]) -> None:
    link = make()
    for end in (link.a, link.b):
        exported = json.loads(json.dumps(end.chain.ibc.export_genesis(end.chain.context())))
        fresh = MiniChain(end.chain.chain_id)
        fresh.ibc.init_genesis(fresh.context(Mode.GENESIS), exported)
        assert store_of(fresh) == store_of(end.chain)
        assert fresh.ibc.export_genesis(fresh.context()) == exported


LOCALHOST = {
    "id": "connection-localhost",
    "client_id": "09-localhost",
    "versions": [{"identifier": "1", "features": ["ORDER_ORDERED", "ORDER_UNORDERED"]}],
    "state": "STATE_OPEN",
    "counterparty": {
        "client_id": "09-localhost",
        "connection_id": "connection-localhost",
        "prefix": {"key_prefix": "aWJj"},
    },
    "delay_period": "0",
}


def test_an_empty_state_has_the_defaults() -> None:
    chain = MiniChain("alpha-1")
    assert chain.ibc.export_genesis(chain.context()) == {
        "client_genesis": {
            "clients": [],
            "clients_consensus": [],
            "clients_metadata": [],
            "params": {"allowed_clients": ["*"]},
            "create_localhost": False,
            "next_client_sequence": "0",
        },
        "client_v2_genesis": {"counterparty_infos": []},
        "connection_genesis": {
            "connections": [LOCALHOST],
            "client_connection_paths": [],
            "next_connection_sequence": "0",
            "params": {"max_expected_time_per_block": "30000000000"},
        },
        "channel_genesis": {
            "channels": [],
            "acknowledgements": [],
            "commitments": [],
            "receipts": [],
            "send_sequences": [],
            "recv_sequences": [],
            "ack_sequences": [],
            "next_channel_sequence": "0",
        },
        "channel_v2_genesis": {
            "acknowledgements": [],
            "commitments": [],
            "receipts": [],
            "async_packets": [],
            "send_sequences": [],
        },
    }


def test_ibc_v2_has_parts_of_its_own() -> None:
    link = busy_v2()
    exported = link.b.chain.ibc.export_genesis(link.b.chain.context())
    assert exported["client_v2_genesis"] == {
        "counterparty_infos": [
            {
                "client_id": "07-tendermint-0",
                "counterparty_info": {
                    "merkle_prefix": ["aWJj", ""],
                    "client_id": "07-tendermint-0",
                },
            }
        ]
    }
    packets = exported["channel_v2_genesis"]
    listed = {name: [each["sequence"] for each in items] for name, items in packets.items()}
    assert listed == {
        "acknowledgements": ["1", "3"],
        "commitments": [],
        "receipts": ["1", "2", "3"],
        "async_packets": ["2"],
        "send_sequences": ["1"],
    }
    assert {each["data"] for each in packets["receipts"]} == {"Ag=="}
    kept = link.a.chain.ibc.export_genesis(link.a.chain.context())["channel_v2_genesis"]
    assert [each["sequence"] for each in kept["commitments"]] == ["1", "2", "3", "4"]
    assert kept["send_sequences"] == [{"client_id": "07-tendermint-0", "sequence": "5"}]


def info(
    client: str = "07-tendermint-0", other: str = "07-tendermint-1", prefix: str = "aWJj"
) -> dict[str, Any]:
    """A counterparty in a genesis file."""
    prefixes = [prefix] if prefix else []
    return {
        "client_id": client,
        "counterparty_info": {"merkle_prefix": prefixes, "client_id": other},
    }


@pytest.mark.parametrize(
    ("infos", "text"),
    [
        ([info("")], "counterparty client id cannot be empty"),
        ([info(prefix="")], "counterparty merkle prefix cannot be empty"),
        ([info(), info()], "duplicate counterparty client id 07-tendermint-0 found"),
    ],
)
def test_counterparties_of_a_genesis_are_checked(infos: list[object], text: str) -> None:
    chain = MiniChain("alpha-1")
    with pytest.raises(GenesisError, match=text):
        chain.ibc.init_genesis(
            chain.context(Mode.GENESIS), {"client_v2_genesis": {"counterparty_infos": infos}}
        )


@pytest.mark.parametrize(
    "state",
    [
        {"client_genesis": []},
        {"client_genesis": {"clients": 1}},
        {"client_genesis": {"clients": [{"client_id": "07-tendermint-0"}]}},
        {"connection_genesis": {"connections": [{"nonsense": 1}]}},
        {"channel_genesis": {"next_channel_sequence": "many"}},
        {"channel_genesis": {"commitments": [{"sequence": -1}]}},
        {"client_v2_genesis": []},
        {
            "channel_v2_genesis": {
                "commitments": [{"client_id": "07-tendermint-0", "sequence": "1"}]
            }
        },
        {"channel_v2_genesis": {"receipts": [{"client_id": "", "sequence": "1", "data": "Ag=="}]}},
        {"channel_v2_genesis": {"send_sequences": [{"client_id": "07-tendermint-0"}]}},
    ],
)
def test_nonsense_is_named(state: dict[str, object]) -> None:
    chain = MiniChain("alpha-1")
    with pytest.raises(GenesisError, match=r"app_state\.ibc"):
        chain.ibc.init_genesis(chain.context(Mode.GENESIS), state)
