"""ABCI messages as CometBFT 0.38 writes them into JSON.

Two dialects meet here: results (ExecTxResult, CheckTx, Query) are protobuf JSON with every field
present; blocks and events around them are Go structs, whose empty fields are often left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from cosmos_pb.tendermint.abci import types_pb2 as abci
from cosmos_pb.tendermint.crypto import proof_pb2 as crypto
from cosmos_pb.tendermint.types import params_pb2
from light_client import codec
from light_client.rpcjson import Json, public_key_to_json, to_base64
from light_client.values import NS_PER_SECOND

_ZEROS: Final[tuple[Any, ...]] = (0, "", "0", None, [])


def events(messages: Iterable[abci.Event]) -> list[Json]:
    return [
        {
            "type": event.type,
            "attributes": [
                {"key": each.key, "value": each.value, "index": each.index}
                for each in event.attributes
            ],
        }
        for event in messages
    ]


def tx_result(result: abci.ExecTxResult | abci.ResponseCheckTx) -> Json:
    return {
        "code": result.code,
        "data": to_base64(result.data),
        "log": result.log,
        "info": result.info,
        "gas_wanted": str(result.gas_wanted),
        "gas_used": str(result.gas_used),
        "events": events(result.events),
        "codespace": result.codespace,
    }


def query(response: abci.ResponseQuery) -> Json:
    return {
        "code": response.code,
        "log": response.log,
        "info": response.info,
        "index": str(response.index),
        "key": to_base64(response.key),
        "value": to_base64(response.value),
        "proofOps": _proof_ops(response.proof_ops) if response.HasField("proof_ops") else None,
        "height": str(response.height),
        "codespace": response.codespace,
    }


def info(response: abci.ResponseInfo) -> Json:
    fields: Json = {"data": response.data, "version": response.version}
    fields["app_version"] = str(response.app_version) if response.app_version else None
    fields["last_block_height"] = str(response.last_block_height)
    fields["last_block_app_hash"] = to_base64(response.last_block_app_hash)
    return {name: value for name, value in fields.items() if value}


def finalize_block(response: abci.ResponseFinalizeBlock) -> Json:
    """As the NewBlock event carries it."""
    updates = None
    if response.HasField("consensus_param_updates"):
        updates = params(response.consensus_param_updates)
    fields: Json = {
        "events": events(response.events),
        "tx_results": [tx_result(each) for each in response.tx_results],
        "validator_updates": validator_updates(response.validator_updates) or [],
        "consensus_param_updates": updates,
        "app_hash": to_base64(response.app_hash),
    }
    return {name: value for name, value in fields.items() if value or name == "validator_updates"}


def event_result(result: abci.ExecTxResult) -> Json:
    """A result as the Tx event carries it: by value, which Go writes without what is zero or empty."""
    return {name: value for name, value in tx_result(result).items() if value not in _ZEROS}


def validator_updates(updates: Iterable[abci.ValidatorUpdate]) -> list[Json] | None:
    """Null when there are none; a removal has no power."""
    found = []
    for each in updates:
        power = {"power": str(each.power)} if each.power else {}
        found.append({"pub_key": _oneof(each), **power})
    return found or None


def params(message: params_pb2.ConsensusParams) -> Json:
    """The groups that are present."""
    found: Json = {}
    if message.HasField("block"):
        found["block"] = {
            "max_bytes": str(message.block.max_bytes),
            "max_gas": str(message.block.max_gas),
        }
    if message.HasField("evidence"):
        age = message.evidence.max_age_duration
        found["evidence"] = {
            "max_age_num_blocks": str(message.evidence.max_age_num_blocks),
            "max_age_duration": str(age.seconds * NS_PER_SECOND + age.nanos),
            "max_bytes": str(message.evidence.max_bytes),
        }
    if message.HasField("validator"):
        found["validator"] = {"pub_key_types": list(message.validator.pub_key_types)}
    if message.HasField("version"):
        found["version"] = {"app": str(message.version.app)} if message.version.app else {}
    if message.HasField("abci"):
        height = message.abci.vote_extensions_enable_height
        found["abci"] = {"vote_extensions_enable_height": str(height)} if height else {}
    return found


def _oneof(update: abci.ValidatorUpdate) -> Json:
    """A protobuf key as cmtjson shows its oneof."""
    key = public_key_to_json(codec.public_key_from_pb(update.pub_key))
    kind = "Ed25519" if update.pub_key.HasField("ed25519") else "Secp256K1"
    value = {kind.lower(): key["value"]}
    return {"Sum": {"type": f"tendermint.crypto.PublicKey_{kind}", "value": value}}


def _proof_ops(ops: crypto.ProofOps) -> dict[str, Any]:
    return {
        "ops": [
            {"type": op.type, "key": to_base64(op.key), "data": to_base64(op.data)}
            for op in ops.ops
        ]
    }
