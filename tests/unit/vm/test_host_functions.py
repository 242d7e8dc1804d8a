"""Every host function through a contract: results, refusals, gas."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from btclib_libsecp256k1 import dsa, recovery
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from ed25519_zebra import ed_from_seed, ed_sign
from py_arkworks_bls12381 import G1Point, G2Point, Scalar
from unit.vm.support import ENOUGH, ENV, Memory, Prober, wat

from chain.vm import ERAS, VM, Aborted, HostError, OutOfGas, errors

if TYPE_CHECKING:
    from chain.vm import VM

K256_N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
P256_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
DIGEST = hashlib.sha256(b"message").digest()


def high_s(signature: bytes, order: int) -> bytes:
    s = int.from_bytes(signature[32:], "big")
    return signature[:32] + (order - s).to_bytes(32, "big")


# --- storage ----------------------------------------------------------------------------------


def test_db_read(any_vm: VM) -> None:
    read, backend = Prober(any_vm, "db_read"), Memory()
    backend.records[b"key"] = b"value"
    assert read(b"key", backend=backend).data == b"value"
    assert read(b"other", backend=backend).value == 0
    assert backend.used == 2000


def test_a_long_key_is_refused(any_vm: VM) -> None:
    read = Prober(any_vm, "db_read")
    assert read(bytes(65536)).value == 0
    with pytest.raises(errors.RegionTooLong, match="Got 65537, limit 65536"):
        read(bytes(65537))


def test_queries_do_not_write(any_vm: VM) -> None:
    for host, args in (("db_write", (b"k", b"v")), ("db_remove", (b"k",))):
        with pytest.raises(errors.WriteAccessDenied) as caught:
            Prober(any_vm, host)(*args)
        assert str(caught.value) == (
            "Error executing Wasm: Wasmer runtime error: RuntimeError: "
            "Must not call a writing storage function in this context."
        )


def test_iteration(any_vm: VM) -> None:
    backend = Memory()
    backend.records = {b"a": b"1", b"b": b"2", b"c": b"3"}
    scan = Prober(any_vm, "db_scan")
    assert scan(None, None, 1, backend=backend).value == 0
    assert scan(b"a", b"c", 2, backend=backend).value == 0
    with pytest.raises(errors.CommunicationError, match="iteration order: 3"):
        scan(None, None, 3)
    with pytest.raises(errors.CommunicationError, match="iteration order: -1"):
        scan(None, None, -1)


@pytest.mark.parametrize("host", ["db_next", "db_next_key", "db_next_value"])
def test_unknown_iterator(any_vm: VM, host: str) -> None:
    with pytest.raises(errors.BackendError, match="Iterator with ID 5 does not exist"):
        Prober(any_vm, host)(5)


ITERATE = """
  (func (export "query") (param $env i32) (param $order i32) (result i32)
    (local $id i32) (local $other i32)
    (local.set $id (call $db_scan (i32.const 0) (i32.const 0)
      (i32.load8_u (i32.load (local.get $order)))))
    (local.set $other (call $db_scan (i32.const 0) (i32.const 0) (i32.const 1)))
    (drop (call $db_next_key (local.get $other)))
    (drop (call $db_next (local.get $id)))
    (drop (call $db_next_value (local.get $other)))
    (if (call $db_next_value (local.get $other)) (then unreachable))
    (call $db_next (local.get $id)))
"""


@pytest.mark.parametrize(
    ("order", "second"),
    [(b"\x01", b"bb\0\0\0\x02two\0\0\0\x03"), (b"\x02", b"a\0\0\0\x01one\0\0\0\x03")],
)
def test_iterators_are_independent(any_vm: VM, order: bytes, second: bytes) -> None:
    code = wat(ITERATE, "db_scan", "db_next", "db_next_key", "db_next_value")
    backend = Memory()
    backend.records = {b"a": b"one", b"bb": b"two"}
    result = any_vm.call(any_vm.store_code(code), "query", [ENV, order], backend, ENOUGH)
    assert result.data == second


def test_the_end_of_an_iterator_is_two_empty_sections(any_vm: VM) -> None:
    code = wat(
        """(func (export "query") (param i32 i32) (result i32)
             (drop (call $db_scan (i32.const 0) (i32.const 0) (i32.const 1)))
             (call $db_next (i32.const 0)))""",
        "db_scan",
        "db_next",
    )
    result = any_vm.call(any_vm.store_code(code), "query", [ENV, b""], Memory(), ENOUGH)
    assert result.data == bytes(8)


# --- addresses --------------------------------------------------------------------------------


def test_addr_validate(any_vm: VM) -> None:
    validate = Prober(any_vm, "addr_validate")
    assert validate(b"alice").value == 0
    assert validate(b"Alice").data == b"address not normalized"
    assert validate(b"no spaces").data == b"not an address: no spaces"
    assert validate(b"").data == b"Input is empty"
    assert validate(b"\xff\xff").data == b"Input is not valid UTF-8"
    with pytest.raises(errors.RegionTooLong):
        validate(b"a" * 257)


def test_addr_canonicalize_and_humanize(any_vm: VM) -> None:
    canonicalize = Prober(any_vm, "addr_canonicalize")
    assert canonicalize(b"Alice", "out").data == b"alice"
    # on failure the result is the text's address, and the output Region stays empty
    assert canonicalize(b"-", "out").value > 0
    humanize = Prober(any_vm, "addr_humanize")
    assert humanize(b"alice", "out").data == b"alice"
    assert humanize(b"\0", "out").value > 0
    with pytest.raises(errors.CommunicationError, match=r"Region too small\. Got 5, required 64"):
        humanize(b"a" * 64, b"small")
    with pytest.raises(errors.RegionTooLong, match="Got 65, limit 64"):
        humanize(b"a" * 65, "out")


def test_an_address_costs_what_wasmd_charges(any_vm: VM) -> None:
    validate = Prober(any_vm, "addr_validate")
    # the calls differ in what the chain charges and in passing the error text (20 bytes)
    good, undecodable = validate(b"alice").gas, validate(b"-lice").gas
    text = len("not an address: -lice")
    assert good - undecodable > 5 * 140_000 - 230_000 - 570 * text - 200_000
    assert validate(b"alice").gas == good


# --- signatures -------------------------------------------------------------------------------


def test_secp256k1(any_vm: VM) -> None:
    signature = dsa.to_compact(dsa.sign(DIGEST, 7))
    compressed = _k256_key(7)
    verify = Prober(any_vm, "secp256k1_verify")
    recovered = Prober(any_vm, "secp256k1_recover_pubkey")
    _, recovery_id = recovery.sign(DIGEST, 7)
    full = recovered(DIGEST, signature, recovery_id).data
    assert full[:1] == b"\x04"
    assert full[1:33] == compressed[1:]
    assert verify(DIGEST, signature, full).value == 0
    assert verify(DIGEST, signature, compressed).value == 0
    assert verify(DIGEST, high_s(signature, K256_N), compressed).value == 0
    assert recovered(DIGEST, high_s(signature, K256_N), 1 - recovery_id).data == full
    assert verify(bytes(32), signature, compressed).value == 1
    assert verify(DIGEST[1:], signature, compressed).value == 3
    assert verify(DIGEST, signature[1:], compressed).value == 4
    assert verify(DIGEST, signature, compressed[1:]).value == 5
    assert verify(DIGEST, signature, b"\x06" + full[1:]).value == 5
    assert verify(DIGEST, bytes(64), compressed).value == 10
    assert verify(DIGEST, b"\xff" * 64, compressed).value == 10
    assert verify(DIGEST, signature, b"\x02" + b"\xff" * 32).value == 10
    for param in (2, 3, 255, 256, -1):
        assert recovered(DIGEST, signature, param).value == 6 << 32
    assert recovered(DIGEST, bytes(64), 0).value == 10 << 32
    assert recovered(DIGEST[1:], signature, 0).value == 3 << 32


def _k256_key(secret: int) -> bytes:
    key = ec.derive_private_key(secret, ec.SECP256K1()).public_key()
    numbers = key.public_numbers()
    return bytes((2 + numbers.y % 2,)) + numbers.x.to_bytes(32, "big")


def _p256_signature(secret: int) -> tuple[bytes, bytes]:
    key = ec.derive_private_key(secret, ec.SECP256R1())
    r, s = utils.decode_dss_signature(key.sign(DIGEST, ec.ECDSA(utils.Prehashed(hashes.SHA256()))))
    numbers = key.public_key().public_numbers()
    public = b"\x04" + numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")
    return r.to_bytes(32, "big") + s.to_bytes(32, "big"), public


@pytest.mark.parametrize("secret", [1, 2, 7, P256_N - 1, 2**200 + 12345])
def test_secp256r1(any_vm: VM, secret: int) -> None:
    signature, public = _p256_signature(secret)
    compressed = bytes((2 + public[64] % 2,)) + public[1:33]
    verify = Prober(any_vm, "secp256r1_verify")
    recovered = Prober(any_vm, "secp256r1_recover_pubkey")
    for key in (public, compressed):
        assert verify(DIGEST, signature, key).value == 0
        assert verify(DIGEST, high_s(signature, P256_N), key).value == 0
    assert verify(bytes(32), signature, public).value == 1
    assert verify(DIGEST, signature, b"\x04" + bytes(64)).value == 10
    assert verify(DIGEST, bytes(64), public).value == 10
    found = [recovered(DIGEST, signature, param).data for param in (0, 1)]
    assert public in found
    assert recovered(DIGEST, signature, 4).value == 6 << 32
    # r + n is beyond the field for all but a few r: no point has that x
    assert recovered(DIGEST, signature, 2).value == 10 << 32


def test_ed25519(any_vm: VM) -> None:
    secret, key = ed_from_seed(b"s" * 32)
    signature = ed_sign(secret, b"hello")
    verify = Prober(any_vm, "ed25519_verify")
    assert verify(b"hello", signature, key).value == 0
    assert verify(b"hallo", signature, key).value == 1
    assert verify(b"hello", signature[1:], key).value == 4
    assert verify(b"hello", signature, key[1:]).value == 5
    # ZIP-215: the identity as key and nonce point, S = 0, is valid for every message
    assert verify(b"any", b"\x01" + bytes(63), b"\x01" + bytes(31)).value == 0


def sections(*items: bytes) -> bytes:
    return b"".join(item + len(item).to_bytes(4, "big") for item in items)


def test_ed25519_batch(any_vm: VM) -> None:
    people = [ed_from_seed(bytes((n,)) * 32) for n in (1, 2)]
    texts = [b"one", b"two"]
    proofs = [ed_sign(secret, text) for (secret, _), text in zip(people, texts, strict=True)]
    public = [key for _, key in people]
    verify = Prober(any_vm, "ed25519_batch_verify")
    assert verify(sections(*texts), sections(*proofs), sections(*public)).value == 0
    assert verify(sections(*texts), sections(*proofs[::-1]), sections(*public)).value == 1
    both = [ed_sign(secret, b"one") for secret, _ in people]
    assert verify(sections(b"one"), sections(*both), sections(*public)).value == 0
    mine = [ed_sign(people[0][0], text) for text in texts]
    assert verify(sections(*texts), sections(*mine), sections(public[0])).value == 0
    assert verify(b"", b"", b"").value == 0
    assert verify(sections(b"one"), b"", b"").value == 0
    assert verify(sections(*texts), sections(*proofs), b"").value == 7
    assert verify(sections(b"x"), sections(b"short"), sections(public[0])).value == 4
    assert verify(sections(b"x"), sections(proofs[0]), sections(b"short")).value == 5
    with pytest.raises(errors.CommunicationError, match="section length overflow"):
        verify(b"\0\0\0\x09", b"", b"")
    with pytest.raises(errors.CommunicationError, match="extra data outside of any section"):
        verify(b"abc", b"", b"")


def test_bls(any_vm: VM) -> None:
    g1, g2 = G1Point(), G2Point()
    three = Scalar(3)
    aggregate_g1 = Prober(any_vm, "bls12_381_aggregate_g1")
    aggregate_g2 = Prober(any_vm, "bls12_381_aggregate_g2")
    one, two = g1.to_compressed_bytes(), g2.to_compressed_bytes()
    assert aggregate_g1(one * 3, "out").data == (g1 * three).to_compressed_bytes()
    assert aggregate_g2(two * 3, "out").data == (g2 * three).to_compressed_bytes()
    assert aggregate_g1(b"", "out").value == 14
    assert aggregate_g1(one[1:], "out").value == 15
    assert aggregate_g1(b"\x11" * 48, "out").value == 8
    pairing = Prober(any_vm, "bls12_381_pairing_equality")
    tripled = (g1 * three).to_compressed_bytes()
    assert pairing(one * 3, two * 3, tripled, two).value == 0
    assert pairing(one * 2, two * 2, tripled, two).value == 1
    assert pairing(one[1:], two, one, two).value == 11
    assert pairing(one, two[1:], one, two).value == 12
    assert pairing(one * 2, two, one, two).value == 13
    assert pairing(one, two, one[1:], two).value == 8
    assert pairing(one, b"\x11" * 96, one, two).value == 8
    for data in (
        b"\xe0" + bytes(47),
        b"\xc0" + bytes(46) + b"\1",
        bytes((one[0] | 0x40,)) + one[1:],
    ):
        assert aggregate_g1(data, "out").value == 8
        assert pairing(data, two, one, two).value == 8
    assert aggregate_g1(b"\xc0" + bytes(47) + one, "out").data == one
    for host, point, length in (
        ("bls12_381_hash_to_g1", G1Point, 48),
        ("bls12_381_hash_to_g2", G2Point, 96),
    ):
        hashed = Prober(any_vm, host)
        answer = hashed(0, b"message", b"DOMAIN", "out")
        assert answer.data == point.hash_to_curve(b"message", b"DOMAIN").to_compressed_bytes()
        assert len(answer.data) == length
        assert hashed(1, b"message", b"DOMAIN", "out").value == 9


def test_crypto_gas(any_vm: VM) -> None:
    secret, key = ed_from_seed(b"s" * 32)
    proof = ed_sign(secret, b"m")
    batch = Prober(any_vm, "ed25519_batch_verify")
    one = batch(sections(b"m"), sections(proof), sections(key)).gas
    two = batch(sections(b"m", b"m"), sections(proof, proof), sections(key)).gas
    # ten microseconds more for a signature under the same key, beside reading 73 bytes more
    assert 10_000_000 < two - one < 10_000_000 + 200_000
    with pytest.raises(OutOfGas):
        Prober(any_vm, "bls12_381_hash_to_g2")(0, b"", b"", "out", gas=871_000_000)


# --- messages and queries ---------------------------------------------------------------------


def test_debug_does_not_change_the_gas(any_vm: VM) -> None:
    say = Prober(any_vm, "debug")
    quiet, loud = say(b"hello \xff"), say(b"hello \xff", debug=True)
    assert quiet.debug == ()
    assert loud.debug == ("hello �",)
    assert quiet.gas == loud.gas


def test_abort(any_vm: VM) -> None:
    with pytest.raises(Aborted) as caught:
        Prober(any_vm, "abort")(b"panicked at lib.rs")
    assert caught.value.message == "panicked at lib.rs"
    assert str(caught.value) == (
        "Error executing Wasm: Wasmer runtime error: RuntimeError: Aborted: panicked at lib.rs"
    )
    assert caught.value.gas is not None
    assert caught.value.gas.used_internally > 18_000


def test_query_chain(any_vm: VM) -> None:
    def answer(request: bytes, gas_limit: int) -> bytes:
        backend.used += 77
        return b"answer to " + request

    backend = Memory(answer)
    query = Prober(any_vm, "query_chain")
    assert query(b"question", backend=backend).data == b"answer to question"
    [(request, limit)] = backend.questions
    assert request == b"question"
    assert 0 < limit < ENOUGH
    with pytest.raises(errors.RegionTooLong):
        query(bytes(65537), backend=backend)


class Boom(BaseException):
    pass


def test_what_a_backend_raises_comes_out_unchanged(any_vm: VM) -> None:
    def answer(request: bytes, gas_limit: int) -> bytes:
        raise Boom

    with pytest.raises(Boom) as caught:
        Prober(any_vm, "query_chain")(b"", backend=Memory(answer))
    report = caught.value.gas_report  # type: ignore[attr-defined]
    assert report.limit == ENOUGH
    assert report.used_externally == 0
    assert 0 < report.used_internally < 10_000_000


def test_external_gas_ends_a_call(any_vm: VM) -> None:
    def answer(request: bytes, gas_limit: int) -> bytes:
        backend.used += gas_limit + 1
        return b""

    backend = Memory(answer)
    with pytest.raises(OutOfGas) as caught:
        Prober(any_vm, "query_chain")(b"", backend=backend)
    report = caught.value.gas
    assert report is not None
    assert report.remaining == 0
    assert report.used_externally == backend.used


# --- regions ----------------------------------------------------------------------------------

READ_AT = """
  (func (export "query") (param $env i32) (param $msg i32) (result i32)
    (local $data i32)
    (local.set $data (i32.load (local.get $msg)))
    (i32.store (i32.const 16) (i32.load (local.get $data)))
    (i32.store (i32.const 20) (i32.load offset=4 (local.get $data)))
    (i32.store (i32.const 24) (i32.load offset=8 (local.get $data)))
    (drop (call $db_read (i32.load offset=12 (local.get $data))))
    unreachable)
"""


def region(pointer: int, offset: int, capacity: int, length: int) -> bytes:
    return b"".join(v.to_bytes(4, "little") for v in (offset, capacity, length, pointer))


@pytest.mark.parametrize(
    ("passed", "problem"),
    [
        (region(0xFFFFFFFF, 1, 1, 1), "The Wasm memory address 4294967295 provided by the "),
        (region(262144 - 11, 1, 1, 1), "could not be dereferenced"),
        (region(16, 0, 8, 8), "Got an invalid region: Got a zero Wasm address in the offset"),
        (region(16, 8, 7, 8), "Region length exceeds capacity. Length 8, capacity 7"),
        (region(16, 8, 0xFFFFFFF8, 8), "Region exceeds address space. Offset 8, capacity 429"),
        (
            region(16, 262140, 8, 8),
            (
                "Tried to access memory of region Region { offset: 262140, capacity: 8, length: 8 } "
                "in Wasm memory of size 262144 bytes."
            ),
        ),
    ],
)
def test_bad_regions(any_vm: VM, passed: bytes, problem: str) -> None:
    checksum = any_vm.store_code(wat(READ_AT, "db_read"))
    with pytest.raises(errors.CommunicationError) as caught:
        any_vm.call(checksum, "query", [ENV, passed], Memory(), ENOUGH)
    assert problem in str(caught.value)
    assert isinstance(caught.value, HostError)


def test_a_region_at_the_very_end_of_memory(any_vm: VM) -> None:
    checksum = any_vm.store_code(wat(READ_AT, "db_read"))
    backend = Memory()
    backend.records[b"x"] = b"found"
    with pytest.raises(errors.Trap):  # unreachable, after the read went well
        any_vm.call(checksum, "query", [ENV, region(16, 262144, 0, 0)], backend, ENOUGH)
    assert backend.used == 1000


def test_memory_that_grew_inside_the_contract(any_vm: VM) -> None:
    code = wat(
        """(func (export "query") (param $env i32) (param $msg i32) (result i32)
             (global.set $heap (i32.shl (memory.grow (i32.const 3)) (i32.const 16)))
             (call $db_read (local.get $msg)))""",
        "db_read",
    )
    backend = Memory()
    backend.records[b"key"] = b"v" * 100_000
    checksum = any_vm.store_code(code)
    result = any_vm.call(checksum, "query", [ENV, b"key"], backend, ENOUGH)
    assert result.data == b"v" * 100_000


@pytest.mark.parametrize(
    ("era", "reads"),
    [("1.5.8", False), ("1.5.11", True), ("2.0.5", False), ("2.0.9", False), ("2.1.2", False),
     ("2.1.7", True), ("2.2.0", False), ("2.2.2", True), ("2.2.9", True), ("3.0.0", True)],
)  # fmt: skip
def test_a_message_that_nobody_wants_is_read_since_cwa_2025_003(era: str, reads: bool) -> None:
    """So that a bad Region is an error; libwasmvm 2.0.3, 2.1.2, 2.2.4 and 3.0.7 were asked."""
    vm = VM(era=ERAS[era])
    prober = Prober(vm, "debug")
    if reads:
        with pytest.raises(HostError):
            prober(2**32 - 1, gas=10**12)
    else:
        prober(2**32 - 1, gas=10**12)
    vm.close()
