"""A node's RPC answers as a light client takes them: /commit, /validators and /abci_query with a proof.

An answer is parsed JSON, in its JSON-RPC envelope or bare; CometBFT 0.34 to 1.0 give them one shape. What is read
here is a claim: `light_client.verify` judges a header, `proven` a value.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from light_client import commitment, proof_codec, rpcjson
from light_client.commit import LightBlock, SignedHeader
from light_client.errors import DecodeError, Mismatch
from light_client.jsonfields import array, base64_bytes, integer, mapping, text
from light_client.proofs import SDK_SPECS, CommitmentProof
from light_client.validators import ValidatorSet
from light_client.verify import Trusted


@dataclass(frozen=True, slots=True)
class ProofOp:
    """One tree's part of a proof: its kind (`ics23:iavl`, `ics23:simple`), the key in the tree, the encoded proof."""

    type: str
    key: bytes
    data: bytes


@dataclass(frozen=True, slots=True)
class StoreAnswer:
    """What a node says that a store holds under a key after block `height`; no value (b"") means nothing.

    `ops` are ordered from the store up. The app hash that they lead to stands in the header of the next height.
    """

    key: bytes
    value: bytes
    height: int
    ops: tuple[ProofOp, ...]

    @property
    def store(self) -> str:
        """The store's name, as the node says; empty without a proof."""
        return self.ops[-1].key.decode(errors="replace") if self.ops else ""

    @property
    def proofs(self) -> tuple[CommitmentProof, ...]:
        """The proofs of `ops`, decoded. Raises DecodeError."""
        return tuple(proof_codec.decode(op.data) for op in self.ops)


def result(answer: Any) -> Any:
    """What an answer says without its envelope. Raises DecodeError if it says that the call failed."""
    if not isinstance(answer, Mapping) or not {"jsonrpc", "error", "result"} & answer.keys():
        return answer
    error = answer.get("error")
    if error is not None:
        parts = [error.get("message"), error.get("data")] if isinstance(error, Mapping) else [error]
        raise DecodeError(f"the node answered with an error: {_joined(parts)}")
    if "result" not in answer:
        raise DecodeError("the answer has neither result nor error")
    return answer["result"]


def signed_header(answer: Any) -> SignedHeader:
    """The header and the commit of a /commit answer. Raises DecodeError."""
    json = mapping(result(answer), "the answer")
    if "signed_header" not in json:
        raise DecodeError(f"not an answer of /commit: it has no signed_header ({_fields(json)})")
    return rpcjson.signed_header_from_json(json["signed_header"])


def validator_set(pages: Sequence[Any], proposer: bytes | None = None) -> ValidatorSet:
    """The set from all pages of /validators at one height, in their order.

    The proposer is found by its address, else as CometBFT would choose it. Raises DecodeError, also for pages of
    several heights and when one is missing.
    """
    listed: list[Any] = []
    heights, total = set(), 0
    for page in pages:
        json = mapping(result(page), "the answer")
        if "validators" not in json:
            raise DecodeError(
                f"not an answer of /validators: it has no validators ({_fields(json)})"
            )
        listed += array(json["validators"], "validators")
        heights.add(integer(json, "block_height", "int64"))
        total = max(total, integer(json, "total", "int64"))
    if len(heights) > 1:
        raise DecodeError(f"pages of several heights: {', '.join(map(str, sorted(heights)))}")
    if total > len(listed):
        raise DecodeError(f"{len(listed)} of {total} validators: a page is missing")
    return rpcjson.validator_set_from_json(listed, proposer)


def light_block(
    commit: Any, validators: Sequence[Any], next_validators: Sequence[Any] = ()
) -> LightBlock:
    """A light block from the answers of /commit and /validators (all pages) at one height.

    `next_validators` are the pages of the height above it. Raises DecodeError.
    """
    signed = signed_header(commit)
    own = validator_set(validators, signed.header.proposer_address)
    return LightBlock(signed, own, validator_set(next_validators) if next_validators else None)


def store_answer(answer: Any) -> StoreAnswer:
    """An answer of /abci_query. Raises DecodeError, also if the application refused the query."""
    json = mapping(result(answer), "the answer")
    if "response" not in json:
        raise DecodeError(f"not an answer of /abci_query: it has no response ({_fields(json)})")
    response = mapping(json["response"], "response")
    code = integer(response, "code", "uint32")
    if code:
        where = text(response, "codespace") or "sdk"
        raise DecodeError(f"the query was refused: {text(response, 'log')} ({where}/{code})")
    proof = mapping(response.get("proofOps") or response.get("proof_ops") or {}, "proofOps")
    return StoreAnswer(
        key=base64_bytes(response, "key"),
        value=base64_bytes(response, "value"),
        height=integer(response, "height", "int64"),
        ops=tuple(_proof_op(op) for op in array(proof.get("ops"), "proofOps.ops")),
    )


def proven(trusted: Trusted, answer: StoreAnswer, store: str, key: bytes) -> bytes:
    """The value of `key` in `store` (b"" for none), once its proof leads to the trusted header's app hash.

    Raises Mismatch if the answer is not for this key, or not of the height below the header's; DecodeError or
    ProofError if its proof does not hold.
    """
    if answer.key != key:
        raise Mismatch("key of the answer", key, answer.key)
    if answer.height + 1 != trusted.height:
        raise Mismatch(
            "height of the header that proves the answer", answer.height + 1, trusted.height
        )
    path = (store.encode(), key)
    if answer.value:
        commitment.verify_membership(SDK_SPECS, trusted.app_hash, path, answer.value, answer.proofs)
    else:
        commitment.verify_non_membership(SDK_SPECS, trusted.app_hash, path, answer.proofs)
    return answer.value


def _proof_op(value: Any) -> ProofOp:
    json = mapping(value, "proof op")
    return ProofOp(text(json, "type"), base64_bytes(json, "key"), base64_bytes(json, "data"))


def _joined(parts: Sequence[Any]) -> str:
    return ": ".join(str(part) for part in parts if part)


def _fields(json: Mapping[str, Any]) -> str:
    return f"its fields: {', '.join(map(str, json)) or 'none'}"


__all__ = [
    "ProofOp",
    "StoreAnswer",
    "light_block",
    "proven",
    "result",
    "signed_header",
    "store_answer",
    "validator_set",
]
