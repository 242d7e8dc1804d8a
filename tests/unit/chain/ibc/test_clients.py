"""02-client and the store of 07-tendermint: creation, updates, misbehaviour, expiry, recovery, upgrade."""

from dataclasses import replace
from itertools import pairwise

import pytest
from helpers.ibc_world import DAY, Link, MiniChain, attribute, linked
from helpers.validators import make_block, signers

from chain.errors import AbciError
from chain.modules.ibc.tendermint import StoredHistory
from cosmos_pb.google.protobuf import any_pb2
from cosmos_pb.ibc.core.client.v1 import client_pb2
from cosmos_pb.ibc.core.client.v1 import tx_pb2 as client_tx
from light_client import host
from light_client.client import ClientState, ConsensusState
from light_client.codec import from_any, parse, to_any
from light_client.message import ClientHeader, Misbehaviour
from light_client.values import Height


@pytest.fixture
def link() -> Link:
    made = Link(MiniChain("alpha-1"), MiniChain("beta"))
    made.create_clients()
    return made


def refusal(link: Link, message: client_tx.MsgUpdateClient) -> tuple[str, int]:
    with pytest.raises(AbciError) as caught:
        link.a.chain.run(message)
    return caught.value.codespace, caught.value.code


def stored(chain: MiniChain, prefix: bytes) -> dict[bytes, bytes]:
    return dict(chain.context().kv("ibc").prefix(prefix))


def test_creation_writes_the_layout_of_ibc_go() -> None:
    alpha, beta = MiniChain("alpha-1"), MiniChain("beta")
    message = client_tx.MsgCreateClient(
        client_state=to_any(beta.client_state()),
        consensus_state=to_any(beta.consensus_state()),
        signer=alpha.user,
    )
    result = alpha.run(message)
    height = Height(0, beta.height)
    assert [event.type for event in result.events] == ["create_client", "message"]
    assert result.events[0].attributes == (
        ("client_id", "07-tendermint-0"),
        ("client_type", "07-tendermint"),
        ("consensus_height", str(height)),
    )
    assert result.events[1].attributes == (("module", "ibc_client"),)
    response = client_tx.MsgCreateClientResponse.FromString(result.response.value)
    assert response.client_id == "07-tendermint-0"
    prefix = b"clients/07-tendermint-0/"
    consensus = f"consensusStates/{height}".encode()
    assert stored(alpha, prefix) == {
        prefix + b"clientState": message.client_state.SerializeToString(),
        prefix + consensus: message.consensus_state.SerializeToString(),
        prefix + consensus + b"/processedTime": alpha.clock.ns.to_bytes(8, "big"),
        prefix + consensus + b"/processedHeight": f"1-{alpha.height}".encode(),
        prefix + b"iterateConsensusStates" + bytes(8) + beta.height.to_bytes(8, "big"): consensus,
        prefix + b"creator": alpha.auth.address_bytes(alpha.user),
    } | {prefix + b"iterateConsensusStates" + bytes(8) + beta.height.to_bytes(8, "big"): consensus}
    assert stored(alpha, b"nextClientSequence")[b"nextClientSequence"] == (1).to_bytes(8, "big")


def test_expired_or_frozen_clients_cannot_be_created() -> None:
    alpha, beta = MiniChain("alpha-1"), MiniChain("beta")
    for changes in ({"frozen_height": Height(0, 1)}, {"trusting_period_ns": 1}):
        message = client_tx.MsgCreateClient(
            client_state=to_any(beta.client_state(**changes)),
            consensus_state=to_any(beta.consensus_state()),
            signer=alpha.user,
        )
        alpha.clock = beta.clock.add(10)
        with pytest.raises(AbciError, match="cannot create client") as caught:
            alpha.run(message)
        assert (caught.value.codespace, caught.value.code) == ("client", 29)


def test_creation_checks_the_parameters_and_the_types() -> None:
    alpha, beta = MiniChain("alpha-1"), MiniChain("beta")
    good = client_tx.MsgCreateClient(
        client_state=to_any(beta.client_state()),
        consensus_state=to_any(beta.consensus_state()),
        signer=alpha.user,
    )
    swapped = client_tx.MsgCreateClient(
        client_state=good.consensus_state, consensus_state=good.client_state, signer=alpha.user
    )
    foreign = client_tx.MsgCreateClient(
        client_state=any_pb2.Any(type_url="/ibc.lightclients.wasm.v1.ClientState"),
        consensus_state=good.consensus_state,
        signer=alpha.user,
    )
    for message, expected in (
        (swapped, ("client", 10)),
        (foreign, ("ibc", 14)),
        (client_tx.MsgCreateClient(signer=alpha.user), ("ibc", 14)),
        (client_tx.MsgCreateClient(signer="cosmos1nobody"), ("ibc", 5)),
    ):
        with pytest.raises(AbciError) as caught:
            alpha.run(message)
        assert (caught.value.codespace, caught.value.code) == expected
    params = client_pb2.Params(allowed_clients=["06-solomachine"])
    alpha.run(client_tx.MsgUpdateParams(signer=alpha.authority, params=params))
    with pytest.raises(AbciError, match="not in the allowed client list"):
        alpha.run(good)


def test_an_update_adds_a_consensus_state_and_tells_both_ways(link: Link) -> None:
    link.b.chain.commit()
    message = link.update_message(link.a)
    result = link.a.chain.run(message)
    height = Height(0, link.b.chain.height)
    assert result.events[0].attributes == (
        ("client_id", "07-tendermint-0"),
        ("client_type", "07-tendermint"),
        ("consensus_height", str(height)),
        ("consensus_heights", str(height)),
        ("header", message.client_message.SerializeToString().hex()),
    )
    ctx = link.a.chain.context()
    assert link.a.chain.ibc.clients.latest_height(ctx, link.a.client) == height
    expected = link.b.chain.blocks[link.b.chain.height].header
    got = StoredHistory(ctx, link.a.client).get(height)
    assert got == ConsensusState(expected.time, expected.app_hash, expected.next_validators_hash)


def test_the_same_header_twice_changes_nothing(link: Link) -> None:
    link.update(link.a)
    before = stored(link.a.chain, b"clients/")
    link.a.chain.commit()
    latest = link.a.chain.ibc.clients.latest_height(link.a.chain.context(), link.a.client)
    oldest = StoredHistory(link.a.chain.context(), link.a.client).oldest()
    assert oldest is not None
    older, _ = oldest
    header = link.b.chain.client_header(older, latest.revision_height)
    message = client_tx.MsgUpdateClient(
        client_id=link.a.client, client_message=to_any(header), signer=link.a.signer
    )
    result = link.a.chain.run(message)
    assert attribute(result.events, "update_client", "consensus_heights") == str(latest)
    assert stored(link.a.chain, b"clients/") == before


def test_a_header_by_strangers_is_refused(link: Link) -> None:
    link.b.chain.commit()
    impostors = MiniChain("beta", signers(4, prefix="impostor"))
    while impostors.height < link.b.chain.height:
        impostors.commit()
    own = link.b.chain.client_header(Height(0, 1)).trusted_validators
    forged = impostors.client_header(
        link.a.chain.ibc.clients.latest_height(link.a.chain.context(), link.a.client)
    )
    message = client_tx.MsgUpdateClient(
        client_id=link.a.client,
        client_message=to_any(replace(forged, trusted_validators=own)),
        signer=link.a.signer,
    )
    assert refusal(link, message) == ("undefined", 1)
    assert refusal(
        link,
        client_tx.MsgUpdateClient(
            client_id=link.a.client, client_message=to_any(forged), signer=link.a.signer
        ),
    ) == ("07-tendermint", 14)


def test_an_update_needs_an_existing_active_client(link: Link) -> None:
    link.b.chain.commit()
    message = link.update_message(link.a)
    message.client_id = "07-tendermint-9"
    assert refusal(link, message) == ("client", 29)
    message.client_id = "06-solomachine-0"
    assert refusal(link, message) == ("client", 32)
    message.client_id = "nonsense"
    assert refusal(link, message) == ("host", 2)
    expired = link.update_message(link.a)
    link.a.chain.clock = link.a.chain.clock.add(15 * DAY)
    assert refusal(link, expired) == ("client", 29)


def conflicting(link: Link) -> ClientHeader:
    """A header at B's next height that its validators signed, but with another app hash."""
    link.b.chain.commit()
    chain = link.b.chain
    latest = chain.ibc.clients.latest_height(link.a.chain.context(), link.a.client)
    fork = make_block(
        chain.chain_id, chain.height, chain.members, time=chain.clock, app_hash=b"\x66" * 32
    )
    honest = chain.client_header(latest)
    return replace(honest, signed_header=fork.signed_header)


def test_a_second_header_at_a_known_height_freezes(link: Link) -> None:
    fork = conflicting(link)
    link.a.chain.run(link.update_message(link.a))
    message = client_tx.MsgUpdateClient(
        client_id=link.a.client, client_message=to_any(fork), signer=link.a.signer
    )
    result = link.a.chain.run(message)
    assert result.events[0].attributes == (
        ("client_id", "07-tendermint-0"),
        ("client_type", "07-tendermint"),
    )
    assert result.events[0].type == "client_misbehaviour"
    ctx = link.a.chain.context()
    assert link.a.chain.ibc.clients.status(ctx, link.a.client) == "Frozen"
    packed = link.a.chain.ibc.clients.state(ctx, link.a.client)
    assert packed is not None
    state = from_any(packed)
    assert isinstance(state, ClientState)
    assert state.frozen_height == Height(0, 1)
    link.b.chain.commit()
    assert refusal(link, link.update_message(link.a)) == ("client", 29)


@pytest.mark.parametrize("submit", [False, True])
def test_misbehaviour_freezes(link: Link, submit: bool) -> None:
    fork = conflicting(link)
    honest = link.b.chain.client_header(fork.trusted_height)
    evidence = to_any(Misbehaviour("07-tendermint-0", honest, fork))
    if submit:
        message: client_tx.MsgSubmitMisbehaviour | client_tx.MsgUpdateClient = (
            client_tx.MsgSubmitMisbehaviour(
                client_id=link.a.client, misbehaviour=evidence, signer=link.a.signer
            )
        )
    else:
        message = client_tx.MsgUpdateClient(
            client_id=link.a.client, client_message=evidence, signer=link.a.signer
        )
    result = link.a.chain.run(message)
    assert [event.type for event in result.events] == ["client_misbehaviour", "message"]
    assert link.a.chain.ibc.clients.status(link.a.chain.context(), link.a.client) == "Frozen"


def test_two_equal_headers_are_no_misbehaviour(link: Link) -> None:
    link.b.chain.commit()
    latest = link.a.chain.ibc.clients.latest_height(link.a.chain.context(), link.a.client)
    honest = link.b.chain.client_header(latest)
    message = client_tx.MsgUpdateClient(
        client_id=link.a.client,
        client_message=to_any(Misbehaviour("07-tendermint-0", honest, honest)),
        signer=link.a.signer,
    )
    result = link.a.chain.run(message)
    assert attribute(result.events, "update_client", "consensus_heights") == ""
    assert link.a.chain.ibc.clients.status(link.a.chain.context(), link.a.client) == "Active"


def test_each_update_prunes_one_expired_state(link: Link) -> None:
    first = StoredHistory(link.a.chain.context(), link.a.client).oldest()
    assert first is not None
    link.update(link.a, seconds=10 * 86_400)
    assert StoredHistory(link.a.chain.context(), link.a.client).oldest() == first
    link.update(link.a, seconds=10 * 86_400)
    history = StoredHistory(link.a.chain.context(), link.a.client)
    oldest = history.oldest()
    assert oldest is not None
    assert oldest[0] > first[0]
    assert history.get(first[0]) is None
    assert history.processed(first[0]) == (None, None)
    text = str(first[0]).encode()
    assert not [key for key in stored(link.a.chain, b"clients/") if text in key.split(b"/")]


def test_history_finds_its_neighbours(link: Link) -> None:
    for _ in range(3):
        link.update(link.a)
    history = StoredHistory(link.a.chain.context(), link.a.client)
    heights = [Height(0, number) for number in range(2, link.b.chain.height + 1)]
    known = [height for height in heights if history.get(height) is not None]
    assert len(known) == 4
    for before, after in pairwise(known):
        following, preceding = history.next(before), history.previous(after)
        assert following is not None
        assert following[0] == after
        assert preceding is not None
        assert preceding[0] == before
    assert history.previous(known[0]) is None
    assert history.next(known[-1]) is None
    assert history.next(Height(0, 0)) == history.oldest()


def test_recovery_takes_over_the_substitute(link: Link) -> None:
    a, b = link.a.chain, link.b.chain
    fork = conflicting(link)
    a.run(link.update_message(link.a))
    a.run(
        client_tx.MsgUpdateClient(
            client_id=link.a.client, client_message=to_any(fork), signer=link.a.signer
        )
    )
    b.commit()
    a.clock = b.clock
    create = client_tx.MsgCreateClient(
        client_state=to_any(b.client_state()),
        consensus_state=to_any(b.consensus_state()),
        signer=a.user,
    )
    substitute = attribute(a.run(create).events, "create_client", "client_id")
    recover = client_tx.MsgRecoverClient(
        subject_client_id=link.a.client, substitute_client_id=substitute, signer=a.user
    )
    with pytest.raises(AbciError, match="unauthorized") as caught:
        a.run(recover)
    assert (caught.value.codespace, caught.value.code) == ("ibc", 2)
    recover.signer = a.authority
    result = a.run(recover)
    assert result.events[0].attributes == (
        ("subject_client_id", link.a.client),
        ("client_type", "07-tendermint"),
    )
    ctx = a.context()
    assert a.ibc.clients.status(ctx, link.a.client) == "Active"
    assert a.ibc.clients.latest_height(ctx, link.a.client) == Height(0, b.height)
    with pytest.raises(AbciError, match="with status Active") as caught:
        a.run(recover)
    assert (caught.value.codespace, caught.value.code) == ("client", 24)


def test_proofs_need_the_header_and_a_client_that_is_active() -> None:
    link = linked()
    a, b = link.a.chain, link.b.chain
    path = host.connection_path(link.b.connection)
    link.update(link.a)
    end = b.ibc.connections.require(b.context(), link.b.connection)
    ours = a.ibc.connections.require(a.context(), link.a.connection)
    value, proof = end.SerializeToString(), b.prove(path)
    height = b.revised(b.height)

    def check(at: Height = height, data: bytes = value, with_proof: bytes = proof) -> None:
        a.ibc.connections.verify(
            a.context(), ours, path, data, with_proof, at, what="connection state"
        )

    check()
    for arguments, expected in (
        ({"at": height.increment()}, ("ibc", 9)),
        ({"at": Height(0, 1)}, ("client", 7)),
        ({"data": value + b"\0"}, ("commitment", 2)),
        ({"with_proof": b.prove(path + "x")}, ("commitment", 2)),
        ({"with_proof": b"\xff"}, ("commitment", 2)),
    ):
        with pytest.raises(AbciError) as caught:
            check(**arguments)
        assert (caught.value.codespace, caught.value.code) == expected
        assert "failed connection state verification for client (07-tendermint-0)" in str(
            caught.value
        )
    a.clock = a.clock.add(15 * DAY)
    with pytest.raises(AbciError, match="status Expired") as caught:
        check()
    assert (caught.value.codespace, caught.value.code) == ("client", 29)


def test_an_upgrade_is_refused_without_its_proof(link: Link) -> None:
    upgraded = replace(link.b.chain.client_state(), chain_id="beta-2", latest_height=Height(2, 1))
    message = client_tx.MsgUpgradeClient(
        client_id=link.a.client,
        client_state=to_any(upgraded),
        consensus_state=to_any(link.b.chain.consensus_state()),
        proof_upgrade_client=link.b.chain.prove("clients/07-tendermint-0/clientState"),
        proof_upgrade_consensus_state=b"\x0a\x00",
        signer=link.a.signer,
    )
    with pytest.raises(AbciError, match="cannot upgrade client with ID 07-tendermint-0") as caught:
        link.a.chain.run(message)
    assert caught.value.codespace == "commitment"
    message.client_state.CopyFrom(to_any(link.b.chain.client_state(latest_height=Height(0, 1))))
    with pytest.raises(AbciError, match="must be at greater than"):
        link.a.chain.run(message)


def test_the_creator_can_be_forgotten(link: Link) -> None:
    a = link.a.chain
    stranger = client_tx.MsgDeleteClientCreator(client_id=link.a.client, signer=link.b.chain.user)
    with pytest.raises(AbciError, match="is authorized to delete creator"):
        a.run(stranger)
    a.run(client_tx.MsgDeleteClientCreator(client_id=link.a.client, signer=a.user))
    assert a.ibc.clients.creator(a.context(), link.a.client) == b""
    with pytest.raises(AbciError, match="not found"):
        a.run(client_tx.MsgDeleteClientCreator(client_id=link.a.client, signer=a.user))


def test_stored_states_read_back(link: Link) -> None:
    a = link.a.chain
    raw = a.context().kv("ibc").get(host.client_state_path(link.a.client).encode())
    assert raw is not None
    state = from_any(parse(any_pb2.Any, raw))
    assert isinstance(state, ClientState)
    assert state.chain_id == "beta"
