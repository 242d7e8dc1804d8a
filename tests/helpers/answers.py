"""A node's RPC answers made of light-client values: what somebody would have saved with curl."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from helpers.trees import Store

from light_client import proof_codec, rpcjson
from light_client.commit import LightBlock
from light_client.proofs import CommitmentProof
from light_client.validators import ValidatorSet


def envelope(result: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": -1, "result": result}


def commit(block: LightBlock) -> dict[str, Any]:
    signed = rpcjson.signed_header_to_json(block.signed_header)
    return {"signed_header": signed, "canonical": True}


def pages(validators: ValidatorSet, height: int, size: int = 100) -> list[dict[str, Any]]:
    listed = rpcjson.validators_to_json(validators.validators)
    return [
        {
            "block_height": str(height),
            "validators": listed[at : at + size],
            "count": str(len(listed[at : at + size])),
            "total": str(len(listed)),
        }
        for at in range(0, len(listed), size)
    ]


def query(
    store: Store, upper: CommitmentProof, name: str, key: bytes, height: int
) -> dict[str, Any]:
    """What /abci_query answers with prove=true; `upper` proves the store in the multistore."""
    ops = [
        ("ics23:iavl", key, store.prove(key)),
        ("ics23:simple", name.encode(), upper),
    ]
    value = store.items.get(key)
    return {
        "response": {
            "code": 0,
            "log": "",
            "info": "",
            "index": "0",
            "key": base64.b64encode(key).decode(),
            "value": None if value is None else base64.b64encode(value).decode(),
            "proofOps": {
                "ops": [
                    {
                        "type": kind,
                        "key": base64.b64encode(under).decode(),
                        "data": base64.b64encode(proof_codec.encode(proof)).decode(),
                    }
                    for kind, under, proof in ops
                ]
            },
            "height": str(height),
            "codespace": "",
        }
    }


def save(folder: Path, name: str, answers: Sequence[Any]) -> list[str]:
    """Files of answers; their names."""
    names = []
    for number, answer in enumerate(answers):
        file = folder / f"{name}-{number}.json"
        file.write_text(json.dumps(answer))
        names.append(str(file))
    return names
