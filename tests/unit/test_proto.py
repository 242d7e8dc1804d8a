"""The generated package says what the .proto files say, and those say what the wire says."""

import importlib
import importlib.util
import json
import os
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf import json_format
from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet

import cosmos_pb
from cosmos_pb import POOL, message_class
from cosmos_pb.cosmos.bank.v1beta1 import query_pb2 as bank_pb2
from cosmos_pb.cosmos.bank.v1beta1 import query_pb2_grpc as bank_grpc
from cosmos_pb.cosmos.base.v1beta1.coin_pb2 import Coin
from cosmos_pb.cosmos.consensus.v1 import query_pb2, query_pb2_grpc
from cosmos_pb.cosmos.tx.v1beta1 import tx_pb2
from cosmos_pb.google.protobuf import any_pb2
from cosmos_pb.ibc.core.channel.v1 import channel_pb2
from cosmos_pb.ibc.core.client.v1 import client_pb2
from cosmos_pb.tendermint.abci import types_pb2 as abci_pb2
from cosmos_pb.tendermint.types import canonical_pb2, params_pb2, types_pb2

ROOT = Path(__file__).parents[2]
PROTO = ROOT / "proto"
PACKAGE = PROTO / "python" / "cosmos_pb"
VECTORS = Path(os.environ.get("LIGHTSHIP_VECTORS", ROOT.parent / "shared" / "vectors"))
SOURCES = sorted(PROTO.rglob("*.proto"))
HAND_WRITTEN = {"__init__.py", "_grpc.py", "_pool.py", "py.typed"}


def contents(package: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(package)): path.read_bytes()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_regenerating_changes_nothing(tmp_path: Path) -> None:
    pytest.importorskip("grpc_tools", reason="grpcio-tools is not installed")
    if importlib.util.find_spec("mypy_protobuf") is None:
        pytest.skip("mypy-protobuf is not installed")
    command = [sys.executable, str(PROTO / "generate.py"), "--out", str(tmp_path)]
    subprocess.run(command, check=True)
    committed = contents(PACKAGE)
    assert committed.keys() - contents(tmp_path).keys() == HAND_WRITTEN
    assert contents(tmp_path) == {k: v for k, v in committed.items() if k not in HAND_WRITTEN}


OPTION = re.compile(r"(?:option\s*|[\[,]\s*)\(([a-z_.]+)\)")
READ = {
    "google.api.http",  # the REST routes
    *("amino.dont_omitempty", "amino.encoding", "amino.name", "amino.oneof_name"),  # amino JSON
    "cosmos_proto.scalar",  # the same
}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PROTO)))
def test_a_source_sits_where_its_package_says_and_carries_only_options_that_are_read(
    path: Path,
) -> None:
    text = path.read_text()
    package = ".".join(path.relative_to(PROTO).parent.parts)
    assert f"\npackage {package};\n" in text
    imports = re.findall(r'^import "(.+)";$', text, re.MULTILINE)
    assert imports == sorted(imports)
    for name in imports:
        assert name.startswith("google/protobuf/") or (PROTO / name).is_file()
    assert set(OPTION.findall(text)) <= READ


def test_the_readme_covers_every_folder() -> None:
    readme = (PROTO / "README.md").read_text()
    folders = {str(path.relative_to(PROTO).parent) for path in SOURCES}
    assert {folder for folder in folders if f"`{folder}`" not in readme} == set()


def test_every_module_imports_and_owns_its_messages() -> None:
    names = [module.name for module in pkgutil.walk_packages(cosmos_pb.__path__, "cosmos_pb.")]
    modules = [importlib.import_module(name) for name in names if name.endswith("_pb2")]
    assert len(modules) >= len(SOURCES)
    for module in modules:
        for name, descriptor in module.DESCRIPTOR.message_types_by_name.items():
            assert getattr(module, name) is message_class(descriptor.full_name)
            assert getattr(module, name).__module__ == module.__name__
    for name in names:
        if name.endswith("_pb2_grpc"):
            importlib.import_module(name)


def test_an_unknown_message_is_a_key_error() -> None:
    with pytest.raises(KeyError, match=r"cosmos\.no\.Such"):
        message_class("cosmos.no.Such")


# Worked out by hand from the field numbers and the protobuf encoding rules.
WIRE = [
    (Coin(denom="stake", amount="5"), "0a057374616b65120135"),
    (client_pb2.Height(revision_number=1, revision_height=300), "080110ac02"),
    (channel_pb2.Acknowledgement(result=b"\x01"), "aa010101"),
    (channel_pb2.Acknowledgement(error="no"), "b201026e6f"),
    (tx_pb2.TxBody(extension_options=[any_pb2.Any()]), "fa3f00"),
    (abci_pb2.Response(finalize_block=abci_pb2.ResponseFinalizeBlock()), "aa0100"),
    (
        canonical_pb2.CanonicalVote(type=types_pb2.SIGNED_MSG_TYPE_PRECOMMIT, height=1),
        "080211" + "01" + "00" * 7,
    ),
]


@pytest.mark.parametrize(("message", "wire"), WIRE, ids=lambda value: type(value).__name__)
def test_the_wire(message: Message, wire: str) -> None:
    assert message.SerializeToString().hex() == wire
    assert type(message).FromString(bytes.fromhex(wire)) == message


def test_nested_enums_are_reachable_both_ways() -> None:
    reject = abci_pb2.ResponseOfferSnapshot.REJECT
    assert (reject, abci_pb2.ResponseOfferSnapshot.Result.Name(reject)) == (3, "REJECT")
    assert channel_pb2.ORDER_ORDERED == channel_pb2.Order.Value("ORDER_ORDERED") == 2


def test_any_and_json_know_our_types() -> None:
    coin = Coin(denom="stake", amount="5")
    packed = any_pb2.Any()
    packed.Pack(coin, type_url_prefix="/")
    assert packed.type_url == "/cosmos.base.v1beta1.Coin"
    unpacked = Coin()
    assert packed.Unpack(unpacked)
    assert unpacked == coin
    body = tx_pb2.TxBody(messages=[packed], memo="hello")
    text = json_format.MessageToJson(body, descriptor_pool=POOL, preserving_proto_field_name=True)
    assert json_format.Parse(text, tx_pb2.TxBody(), descriptor_pool=POOL) == body


class Consensus(query_pb2_grpc.QueryServicer):
    async def Params(self, request: Any, context: Any) -> query_pb2.QueryParamsResponse:  # noqa: ARG002, N802
        block = params_pb2.BlockParams(max_bytes=1000, max_gas=-1)
        return query_pb2.QueryParamsResponse(params=params_pb2.ConsensusParams(block=block))


async def test_a_stub_talks_to_a_servicer() -> None:
    server = grpc.aio.server()
    query_pb2_grpc.add_QueryServicer_to_server(Consensus(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            answer = await query_pb2_grpc.QueryStub(channel).Params(query_pb2.QueryParamsRequest())
            assert answer.params.block.max_gas == -1
            with pytest.raises(grpc.aio.AioRpcError, match="UNIMPLEMENTED"):
                await bank_grpc.QueryStub(channel).Params(bank_pb2.QueryParamsRequest())
    finally:
        await server.stop(None)


TENDERMINT = "ibc.lightclients.tendermint.v1"
# File, where in each case the hexadecimal text is, and what it encodes ("@x": named by field x).
ROUND_TRIPS = [
    ("tx_sign/direct.json", "tx_raw", "cosmos.tx.v1beta1.TxRaw"),
    ("tx_sign/direct.json", "tx_raw", "cosmos.tx.v1beta1.Tx"),
    ("tx_sign/direct.json", "sign_bytes", "cosmos.tx.v1beta1.SignDoc"),
    ("tx_sign/direct.json", "body_bytes", "cosmos.tx.v1beta1.TxBody"),
    ("tx_sign/direct.json", "auth_info_bytes", "cosmos.tx.v1beta1.AuthInfo"),
    ("light_client/ibc_update_client.json", "message", "@message_type"),
    ("light_client/ibc_update_client.json", "client_state.proto", f"{TENDERMINT}.ClientState"),
    ("light_client/ibc_misbehaviour.json", "message", "@message_type"),
    ("light_client/ibc_upgrade_client.json", "upgraded_client", f"{TENDERMINT}.ClientState"),
    (
        "light_client/ibc_upgrade_client.json",
        "proof_upgrade_client",
        "ibc.core.commitment.v1.MerkleProof",
    ),
    ("ibc_core/v1_packets.json", "packet_proto", "ibc.core.channel.v1.Packet"),
    ("ibc_core/v2_packets.json", "packet_proto", "ibc.core.channel.v2.Packet"),
    ("ibc_core/v2_acks.json", "ack_proto", "ibc.core.channel.v2.Acknowledgement"),
    (
        "ics20/packet_data_encodings.json",
        "proto",
        "ibc.applications.transfer.v1.FungibleTokenPacketData",
    ),
    ("ics23/compressed.json", "compressed", "cosmos.ics23.v1.CommitmentProof"),
    ("ics23/compressed.json", "batch", "cosmos.ics23.v1.CommitmentProof"),
    ("iavl/tree_hash_proofs.json", "proof", "cosmos.ics23.v1.CommitmentProof"),
]


@pytest.mark.parametrize(("file", "field", "name"), ROUND_TRIPS)
def test_bytes_of_other_implementations_survive(file: str, field: str, name: str) -> None:
    path = VECTORS / file
    if not path.is_file():
        pytest.skip(f"no conformance vectors at {file}; LIGHTSHIP_VECTORS names their folder")
    for case in json.loads(path.read_text()):
        type_url = dig(case, name[1:]) if name.startswith("@") else name
        wire = bytes.fromhex(dig(case, field))
        message = message_class(type_url.removeprefix("/")).FromString(wire)
        assert message.SerializeToString() == wire, case["id"]
        assert list(unknown_fields(message)) == [], case["id"]


def test_abci_frames_survive() -> None:
    path = VECTORS / "abci" / "frames.json"
    if not path.is_file():
        pytest.skip("no conformance vectors; LIGHTSHIP_VECTORS names their folder")
    for case in json.loads(path.read_text()):
        frame = bytes.fromhex(case["frame"])
        start = next(index for index, byte in enumerate(frame) if byte < 128) + 1
        message = message_class(f"tendermint.abci.{case['kind']}").FromString(frame[start:])
        (field, _), *rest = message.ListFields()
        assert (field.number, rest) == (case["oneof_field"], [])
        assert message.SerializeToString() == frame[start:]
        assert list(unknown_fields(message)) == []


def dig(case: dict[str, Any], path: str) -> str:
    value: Any = case
    for name in path.split("."):
        value = value[name]
    return str(value)


def unknown_fields(message: Message) -> Iterator[str]:
    """Name every field that our .proto files do not know, at any depth and inside every Any."""
    unknown = UnknownFieldSet(message)
    for index in range(len(unknown)):
        yield f"{message.DESCRIPTOR.full_name} {unknown[index].field_number}"
    if isinstance(message, any_pb2.Any):
        inner = message_class(message.type_url.removeprefix("/")).FromString(message.value)
        assert inner.SerializeToString() == message.value
        yield from unknown_fields(inner)
    for field, value in message.ListFields():
        if field.message_type is not None:
            for part in value if field.is_repeated else [value]:
                yield from unknown_fields(part)
