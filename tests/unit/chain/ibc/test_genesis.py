"""Genesis of IBC core: what is exported makes the same store again."""

import json

import pytest
from helpers.ibc_world import Link, MiniChain, linked, packet_of

from chain.context import Mode
from chain.errors import GenesisError
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


def test_a_round_trip_restores_every_key() -> None:
    link = busy()
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
    }


@pytest.mark.parametrize(
    "state",
    [
        {"client_genesis": []},
        {"client_genesis": {"clients": 1}},
        {"client_genesis": {"clients": [{"client_id": "07-tendermint-0"}]}},
        {"connection_genesis": {"connections": [{"nonsense": 1}]}},
        {"channel_genesis": {"next_channel_sequence": "many"}},
        {"channel_genesis": {"commitments": [{"sequence": -1}]}},
    ],
)
def test_nonsense_is_named(state: dict[str, object]) -> None:
    chain = MiniChain("alpha-1")
    with pytest.raises(GenesisError, match=r"app_state\.ibc"):
        chain.ibc.init_genesis(chain.context(Mode.GENESIS), state)
