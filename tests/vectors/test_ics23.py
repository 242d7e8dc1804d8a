"""ICS-23 vectors: proofs of cosmos/ics23, forged proofs, and verdicts of the Go implementation."""

import base64
import json
from typing import Any

import pytest
from helpers import vectors
from helpers.vectors import Case, raw

from light_client import ics23, proof_codec
from light_client.errors import DecodeError, LightClientError, ProofError
from light_client.proofs import (
    IAVL_SPEC,
    SMT_SPEC,
    TENDERMINT_SPEC,
    BatchProof,
    ExistenceProof,
    InnerOp,
    InnerSpec,
    LeafOp,
    NonExistenceProof,
    ProofSpec,
)

FOLDER = vectors.topic("ics23")
SPECS = {"iavl": IAVL_SPEC, "tendermint": TENDERMINT_SPEC, "smt": SMT_SPEC}


@pytest.mark.parametrize(("name", "case"), vectors.cases(FOLDER))
def test_vector(name: str, case: Case) -> None:
    for keys, run in RUNNERS:
        if keys <= case.keys():
            return run(name, case)
    pytest.fail(f"{name}: unknown format {sorted(case)}")


def run_verdict(_name: str, case: Case) -> None:
    accepted = verdict(spec_of(case["spec"]), case["op"], case)
    assert accepted == case["expect"], case.get("note")


def run_batch(name: str, case: Case) -> None:
    spec = spec_named_in(name)
    root, proof = raw(case["root"]), raw(case["proof"])
    present = {raw(item["key"]): raw(item["value"]) for item in case["items"] if item["value"]}
    absent = [raw(item["key"]) for item in case["items"] if not item["value"]]
    ics23.verify_batch_membership(spec, root, proof, present)
    ics23.verify_batch_non_membership(spec, root, proof, absent)
    with pytest.raises(ProofError):
        ics23.verify_batch_membership(spec, root, proof, dict.fromkeys(absent or present, b"?"))
    with pytest.raises(ProofError):
        ics23.verify_batch_non_membership(spec, root, proof, present or [b""])


def run_proof(name: str, case: Case) -> None:
    spec = spec_named_in(name)
    op = "membership" if case["value"] else "nonmembership"
    assert verdict(spec, op, case)
    for field in ("root", "key", "value") if case["value"] else ("root",):
        for position in range(len(case[field]) // 2):
            changed = bytearray(raw(case[field]))
            changed[position] ^= 1
            assert not verdict(spec, op, {**case, field: changed.hex()}), (field, position)


def run_compressed(_name: str, case: Case) -> None:
    compressed, batch = (proof_codec.decode(raw(case[name])) for name in ("compressed", "batch"))
    entries = tuple(proof_codec.decode(raw(entry["proof"])) for entry in case["entries"])
    assert isinstance(batch, BatchProof)
    assert compressed == batch == BatchProof(entries)  # type: ignore[arg-type] # no batch in a batch
    assert proof_codec.compress(batch) == raw(case["compressed"])
    assert proof_codec.encode(batch) == raw(case["batch"])


def run_fuzz(_name: str, case: Case) -> None:
    """Inputs that once crashed Go: whatever can be read of them must be refused."""
    with pytest.raises(DecodeError):
        proof_codec.decode(case["input_json_text"].encode())
    try:
        data = lower(json.loads(case["input_json_text"]))
    except json.JSONDecodeError:
        return
    spec = go_spec(data.get("spec") or {})
    with pytest.raises(ProofError):
        ics23.check_existence(spec, go_existence(data.get("proof") or {}))


def run_leaf(_name: str, case: Case) -> None:
    outcome(
        case, lambda: ics23.apply_leaf(go_leaf(case["Op"]), b64(case["Key"]), b64(case["Value"]))
    )


def run_inner(_name: str, case: Case) -> None:
    outcome(case, lambda: ics23.apply_inner(go_inner(case["Op"]), b64(case["Child"])))


def run_hash(_name: str, case: Case) -> None:
    preimage = str(case.get("Preimage") or case["PreImage"])
    assert ics23.do_hash(case["HashOp"], preimage.encode()).hex() == case["ExpectedHash"]


def run_check_leaf(_name: str, case: Case) -> None:
    spec = ProofSpec(leaf_spec=go_leaf(case["Spec"]))
    outcome(case, lambda: ics23.check_leaf(spec, go_leaf(case["Leaf"])))


def run_calculate(_name: str, case: Case) -> None:
    outcome(case, lambda: ics23.calculate(go_existence(case["Proof"])))


def run_against_spec(_name: str, case: Case) -> None:
    spec, proof = go_spec(case["Spec"]), go_existence(case["Proof"])
    outcome({"IsErr": bool(case.get("Err"))}, lambda: ics23.check_existence(spec, proof))


def run_empty_branch(_name: str, case: Case) -> None:
    spec, op = go_spec(case["Spec"]).inner_spec, go_inner(case["Op"])
    assert spec is not None
    assert ics23.left_branches_are_empty(spec, op) == case["IsLeft"]
    assert ics23.right_branches_are_empty(spec, op) == case["IsRight"]


RUNNERS = (
    ({"spec", "op", "expect"}, run_verdict),
    ({"items", "proof"}, run_batch),
    ({"compressed", "batch"}, run_compressed),
    ({"target", "input_json_text"}, run_fuzz),
    ({"root", "key", "proof"}, run_proof),
    ({"Op", "Key"}, run_leaf),
    ({"Op", "Child"}, run_inner),
    ({"HashOp"}, run_hash),
    ({"Leaf", "Spec"}, run_check_leaf),
    ({"Op", "IsLeft"}, run_empty_branch),
    ({"Proof", "Spec"}, run_against_spec),
    ({"Proof", "IsErr"}, run_calculate),
)


def verdict(spec: ProofSpec, op: str, case: Case) -> bool:
    root, proof, key = raw(case["root"]), raw(case["proof"]), raw(case["key"])
    try:
        if op == "membership":
            ics23.verify_membership(spec, root, proof, key, raw(case.get("value")))
        else:
            ics23.verify_non_membership(spec, root, proof, key)
    except (ProofError, DecodeError):
        return False
    return True


def outcome(case: Case, call: Any) -> None:
    """The call fails as expected, or gives the expected bytes."""
    if case["IsErr"]:
        with pytest.raises(LightClientError):
            call()
    else:
        result = call()
        assert result is None or result == b64(case["Expected"])


def spec_named_in(name: str) -> ProofSpec:
    return next(spec for key, spec in SPECS.items() if key in name)


def spec_of(value: Any) -> ProofSpec:
    if isinstance(value, str):
        return SPECS[value]
    as_hex = {
        **value,
        "leaf_spec": {**value["leaf_spec"], "prefix": encode(value["leaf_spec"]["prefix"])},
        "inner_spec": {
            **value["inner_spec"],
            "empty_child": encode(value["inner_spec"].get("empty_child")),
        },
    }
    return go_spec(as_hex)


def encode(text: str | None) -> str:
    return base64.b64encode(raw(text)).decode()


def b64(text: str | None) -> bytes:
    return base64.b64decode(text or "")


def lower(value: Any) -> Any:
    """Go reads field names in any case."""
    if isinstance(value, dict):
        return {key.lower(): lower(item) for key, item in value.items()}
    return [lower(item) for item in value] if isinstance(value, list) else value


def go_leaf(json: Case) -> LeafOp:
    names = ("hash", "prehash_key", "prehash_value", "length")
    return LeafOp(**{name: json.get(name, 0) for name in names}, prefix=b64(json.get("prefix")))


def go_inner(json: Case) -> InnerOp:
    suffix = json.get("suffix")
    return InnerOp(
        json.get("hash", 0), b64(json.get("prefix")), None if suffix is None else b64(suffix)
    )


def go_existence(json: Case) -> ExistenceProof:
    leaf = json.get("leaf")
    return ExistenceProof(
        b64(json.get("key")),
        b64(json.get("value")),
        None if leaf is None else go_leaf(leaf),
        tuple(go_inner(op) for op in json.get("path") or ()),
    )


def go_spec(json: Case) -> ProofSpec:
    leaf, inner = json.get("leaf_spec"), json.get("inner_spec")
    names = ("child_size", "min_prefix_length", "max_prefix_length")
    return ProofSpec(
        None if leaf is None else go_leaf(leaf),
        None
        if inner is None
        else InnerSpec(
            tuple(inner.get("child_order", ())),
            **{name: inner.get(name, 0) for name in names},
            empty_child=b64(inner.get("empty_child")),
            hash=inner.get("hash", 0),
        ),
        json.get("max_depth", 0),
        json.get("min_depth", 0),
        json.get("prehash_key_before_comparison", False),
    )


def test_a_proof_without_neighbours_proves_nothing() -> None:
    with pytest.raises(ProofError, match="both left and right proofs missing"):
        ics23.verify_non_membership(IAVL_SPEC, b"", NonExistenceProof(b"k", None, None), b"k")
