"""The 24 host functions of interface version 8.

Each has the same stages: memory in, gas, the work, memory out. The host call itself has been charged, and
the guest's gas is in `call.left`. Pointers and lengths arrive as unsigned
32-bit numbers. Of the functions that have a straight lane (see `gates`) the work stands by itself, since
there the guest does the rest. Limits, texts and the order of the stages: cosmwasm-vm imports.rs; the
iterator limit: wasmvm internal/api/iterator.go.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeVar

from chain.vm import crypto
from chain.vm.errors import (
    Aborted,
    ApiError,
    BackendError,
    CommunicationError,
    HostError,
    RegionTooLong,
    WriteAccessDenied,
)
from chain.vm.interface import MAX_HUMAN, MAX_KEY, MAX_REQUEST, MAX_VALUE, SIGNATURES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chain.vm.instance import Call
    from chain.vm.interface import Signature

T = TypeVar("T")

_KI: Final = 1024
_MI: Final = 1024 * 1024
_MAX_CANONICAL: Final = 64
_MAX_DIGEST: Final = 32
_MAX_SIGNATURE: Final = 64
_MAX_ECDSA_KEY: Final = 65
_MAX_ED25519_KEY: Final = 32
_MAX_ED25519_MESSAGE: Final = 128 * _KI
_MAX_ED25519_BATCH: Final = 256
_MAX_TEXT: Final = 2 * _MI
_MAX_BLS_POINTS: Final = 2 * _MI
_MAX_BLS_MESSAGE: Final = 5 * _MI
_MAX_BLS_DST: Final = 5 * _KI
_MAX_ITERATORS: Final = 32_768
_ASCENDING, _DESCENDING = 1, 2
_MAX_RECOVERY_PARAM: Final = 0xFF


# --- storage ----------------------------------------------------------------------------------


def db_read(call: Call, key: int) -> int:
    return _passed(call, _get(call, call.read_region(key, MAX_KEY)))


def _passed(call: Call, answer: bytes | None) -> int:
    return 0 if answer is None else call.pass_to_guest(answer)


def _get(call: Call, key: bytes) -> bytes | None:
    backend = call.backend
    before = backend.gas_consumed()
    value = backend.get(key)
    call.charge_external(backend.gas_consumed() - before)
    return value


def db_write(call: Call, key: int, value: int) -> None:
    if call.readonly:
        raise WriteAccessDenied
    name = _storable(call, "Key", key, MAX_KEY)
    _set(call, name, _storable(call, "Value", value, MAX_VALUE))


def _storable(call: Call, what: str, pointer: int, longest: int) -> bytes:
    try:
        return call.read_region(pointer, longest)
    except RegionTooLong as error:
        raise HostError(
            f"Generic error: {what} too big. Tried to write {error.length} bytes to storage, "
            f"limit is {error.limit}."
        ) from error


def _set(call: Call, key: bytes, value: bytes) -> None:
    backend = call.backend
    before = backend.gas_consumed()
    backend.set(key, value)
    call.charge_external(backend.gas_consumed() - before)


def db_remove(call: Call, key: int) -> None:
    if call.readonly:
        raise WriteAccessDenied
    _remove(call, call.read_region(key, MAX_KEY))


def _remove(call: Call, key: bytes) -> None:
    backend = call.backend
    before = backend.gas_consumed()
    backend.remove(key)
    call.charge_external(backend.gas_consumed() - before)


def db_scan(call: Call, start: int, end: int, order: int) -> int:
    first = call.read_region(start, MAX_KEY) if start else None
    last = call.read_region(end, MAX_KEY) if end else None
    if order not in {_ASCENDING, _DESCENDING}:
        signed = order - (1 << 32) if order >> 31 else order
        raise CommunicationError(f"Got an invalid value for iteration order: {signed}")
    if len(call.iterators) == _MAX_ITERATORS:
        raise BackendError(
            f"User error during call into backend: reached iterator limit ({_MAX_ITERATORS})"
        )
    backend = call.backend
    before = backend.gas_consumed()
    call.iterators.append(backend.scan(first, last, order == _DESCENDING))
    call.charge_external(backend.gas_consumed() - before)
    return len(call.iterators) - 1


def db_next(call: Call, iterator: int) -> int:
    return _passed(call, _next_record(call, iterator))


def db_next_key(call: Call, iterator: int) -> int:
    return _passed(call, _next_key(call, iterator))


def db_next_value(call: Call, iterator: int) -> int:
    return _passed(call, _next_value(call, iterator))


def _next_record(call: Call, iterator: int) -> bytes:
    key, value = _next(call, iterator) or (b"", b"")
    return _section(key) + _section(value)


def _next_key(call: Call, iterator: int) -> bytes | None:
    record = _next(call, iterator)
    return None if record is None else record[0]


def _next_value(call: Call, iterator: int) -> bytes | None:
    record = _next(call, iterator)
    return None if record is None else record[1]


def _next(call: Call, iterator: int) -> tuple[bytes, bytes] | None:
    if iterator >= len(call.iterators):
        raise BackendError(f"Iterator with ID {iterator} does not exist")
    backend = call.backend
    before = backend.gas_consumed()
    record = next(call.iterators[iterator], None)
    call.charge_external(backend.gas_consumed() - before)
    return record


# --- addresses --------------------------------------------------------------------------------


def addr_validate(call: Call, source: int) -> int:
    return _passed(call, _fault(call, call.read_region(source, MAX_HUMAN)))


def _fault(call: Call, source: bytes) -> bytes | None:
    """Why this is no address in its normal form; None if it is."""
    human = _human(call, source)
    if isinstance(human, bytes):
        return human
    costs, backend = call.era.api, call.backend
    before = backend.gas_consumed()
    problem, cost = None, costs.validate
    try:
        canonical = backend.canonicalize(human)
    except ApiError as error:
        problem, cost = str(error), costs.validate_undecodable
    else:
        problem = _not_normalized(call, human, canonical)
    call.charge_external(backend.gas_consumed() - before)
    call.charge(cost)
    return None if problem is None else problem.encode()


def _not_normalized(call: Call, human: str, canonical: bytes) -> str | None:
    try:
        normalized = call.backend.humanize(canonical)
    except ApiError as error:
        return str(error)
    return None if normalized == human else call.era.not_normalized


def addr_canonicalize(call: Call, source: int, destination: int) -> int:
    human = _human(call, call.read_region(source, MAX_HUMAN))
    if isinstance(human, bytes):
        return call.pass_to_guest(human)
    return _convert(call, call.backend.canonicalize, human, call.era.api.canonicalize, destination)


def addr_humanize(call: Call, source: int, destination: int) -> int:
    canonical = call.read_region(source, _MAX_CANONICAL)

    def humanize(address: bytes) -> bytes:
        return call.backend.humanize(address).encode()

    return _convert(call, humanize, canonical, call.era.api.humanize, destination)


def _convert(call: Call, run: Callable[[T], bytes], address: T, cost: int, destination: int) -> int:
    backend = call.backend
    before = backend.gas_consumed()
    problem = None
    try:
        converted = run(address)
    except ApiError as error:
        problem, converted = error, b""
    call.charge_external(backend.gas_consumed() - before)
    call.charge(cost)
    if problem is not None:
        return call.pass_to_guest(str(problem).encode())
    call.write_region(destination, converted)
    return 0


def _human(call: Call, data: bytes) -> str | bytes:
    """The address text, or why it is none, as bytes for the contract."""
    if not data:
        return b"Input is empty"
    call.charge(call.era.host.string.of(len(data)))
    try:
        return data.decode()
    except UnicodeDecodeError:
        return b"Input is not valid UTF-8"


# --- signatures -------------------------------------------------------------------------------


def secp256k1_verify(call: Call, digest: int, signature: int, pubkey: int) -> int:
    inputs = _ecdsa_inputs(call, digest, signature)
    key = call.read_region(pubkey, _MAX_ECDSA_KEY)
    call.charge(call.era.crypto.secp256k1_verify)
    return crypto.secp256k1_verify(*inputs, key)


def secp256k1_recover_pubkey(call: Call, digest: int, signature: int, param: int) -> int:
    inputs = _ecdsa_inputs(call, digest, signature)
    if param > _MAX_RECOVERY_PARAM:
        return crypto.INVALID_RECOVERY_PARAM << 32
    call.charge(call.era.crypto.secp256k1_recover)
    return _key_or_code(call, crypto.secp256k1_recover(*inputs, param))


def secp256r1_verify(call: Call, digest: int, signature: int, pubkey: int) -> int:
    inputs = _ecdsa_inputs(call, digest, signature)
    key = call.read_region(pubkey, _MAX_ECDSA_KEY)
    call.charge(call.era.crypto.secp256r1_verify)
    return crypto.secp256r1_verify(*inputs, key)


def secp256r1_recover_pubkey(call: Call, digest: int, signature: int, param: int) -> int:
    inputs = _ecdsa_inputs(call, digest, signature)
    if param > _MAX_RECOVERY_PARAM:
        return crypto.INVALID_RECOVERY_PARAM << 32
    call.charge(call.era.crypto.secp256r1_recover)
    return _key_or_code(call, crypto.secp256r1_recover(*inputs, param))


def _ecdsa_inputs(call: Call, digest: int, signature: int) -> tuple[bytes, bytes]:
    return call.read_region(digest, _MAX_DIGEST), call.read_region(signature, _MAX_SIGNATURE)


def _key_or_code(call: Call, result: bytes | int) -> int:
    """A pointer in the low half, or an error code in the high half, of 64 bits."""
    return result << 32 if isinstance(result, int) else call.pass_to_guest(result)


def ed25519_verify(call: Call, message: int, signature: int, pubkey: int) -> int:
    text = call.read_region(message, _MAX_ED25519_MESSAGE)
    proof = call.read_region(signature, _MAX_SIGNATURE)
    key = call.read_region(pubkey, _MAX_ED25519_KEY)
    call.charge(call.era.crypto.ed25519_verify)
    return crypto.ed25519_verify(text, proof, key)


def ed25519_batch_verify(call: Call, messages: int, signatures: int, pubkeys: int) -> int:
    regions = [
        call.read_region(pointer, (longest + 4) * _MAX_ED25519_BATCH)
        for pointer, longest in (
            (messages, _MAX_ED25519_MESSAGE),
            (signatures, _MAX_SIGNATURE),
            (pubkeys, _MAX_ED25519_KEY),
        )
    ]
    strict = call.era.strict_sections
    texts, proofs, keys = (_sections(region, strict=strict) for region in regions)
    costs = call.era.crypto
    cost = costs.ed25519_batch_one_key if len(keys) == 1 else costs.ed25519_batch
    call.charge(max(cost.of(len(proofs)), costs.ed25519_batch_minimum))
    return crypto.ed25519_batch_verify(texts, proofs, keys)


def _sections(data: bytes, *, strict: bool) -> list[bytes]:
    """Splits `section || be32(length)` repeated, which is read from its end."""
    found: list[bytes] = []
    end = len(data)
    while end >= 4:
        start = end - 4 - int.from_bytes(data[end - 4 : end], "big")
        if start < 0:
            raise CommunicationError("Got an invalid section: section length overflow")
        found.append(data[start : end - 4])
        end = start
    if end and strict:
        raise CommunicationError("Got an invalid section: extra data outside of any section")
    return found[::-1]


def _section(data: bytes) -> bytes:
    return data + len(data).to_bytes(4, "big")


# --- BLS12-381 --------------------------------------------------------------------------------


def bls12_381_aggregate_g1(call: Call, points: int, out: int) -> int:
    data = call.read_region(points, _MAX_BLS_POINTS)
    call.charge(call.era.crypto.bls_aggregate_g1.of(len(data) // crypto.G1_LENGTH))
    return _point_or_code(call, crypto.bls_aggregate_g1(data, strict=call.era.strict_infinity), out)


def bls12_381_aggregate_g2(call: Call, points: int, out: int) -> int:
    data = call.read_region(points, _MAX_BLS_POINTS)
    call.charge(call.era.crypto.bls_aggregate_g2.of(len(data) // crypto.G2_LENGTH))
    return _point_or_code(call, crypto.bls_aggregate_g2(data, strict=call.era.strict_infinity), out)


def bls12_381_pairing_equality(call: Call, ps: int, qs: int, r: int, s: int) -> int:
    left, right = call.read_region(ps, _MAX_BLS_POINTS), call.read_region(qs, _MAX_BLS_POINTS)
    first, second = call.read_region(r, crypto.G1_LENGTH), call.read_region(s, crypto.G2_LENGTH)
    call.charge(call.era.crypto.bls_pairing.of(len(left) // crypto.G1_LENGTH + 1))
    return crypto.bls_pairing_equality(left, right, first, second, strict=call.era.strict_infinity)


def bls12_381_hash_to_g1(call: Call, function: int, message: int, dst: int, out: int) -> int:
    text, domain = _hash_inputs(call, message, dst)
    call.charge(call.era.crypto.bls_hash_to_g1)
    return _point_or_code(call, crypto.bls_hash_to_g1(function, text, domain), out)


def bls12_381_hash_to_g2(call: Call, function: int, message: int, dst: int, out: int) -> int:
    text, domain = _hash_inputs(call, message, dst)
    call.charge(call.era.crypto.bls_hash_to_g2)
    return _point_or_code(call, crypto.bls_hash_to_g2(function, text, domain), out)


def _hash_inputs(call: Call, message: int, dst: int) -> tuple[bytes, bytes]:
    return call.read_region(message, _MAX_BLS_MESSAGE), call.read_region(dst, _MAX_BLS_DST)


def _point_or_code(call: Call, result: bytes | int, out: int) -> int:
    if isinstance(result, int):
        return result
    call.write_region(out, result)
    return 0


# --- messages and queries ---------------------------------------------------------------------


def debug(call: Call, message: int) -> None:
    if not call.debug and not call.era.debug_always_reads:
        return
    text = call.read_region(message, _MAX_TEXT)
    if call.debug:
        call.messages.append(text.decode(errors="replace"))


def abort(call: Call, message: int) -> None:
    text = call.read_region(message, _MAX_TEXT)
    call.charge(call.era.host.string.of(len(text)))
    raise Aborted(text.decode(errors="replace"))


def query_chain(call: Call, request: int) -> int:
    return call.pass_to_guest(_asked(call, call.read_region(request, MAX_REQUEST)))


def _asked(call: Call, request: bytes) -> bytes:
    backend = call.backend
    before = backend.gas_consumed()
    answer = backend.query(request, call.left)
    call.charge_external(backend.gas_consumed() - before)
    return answer


# --- the table --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HostFunction:
    """`run` takes the call and the parameters of the `signature`, pointers as unsigned numbers.

    `straight` takes the call and what the Regions hold, or a number, and gives what goes into the Region of the answer.
    """

    run: Callable[..., int | None]
    signature: Signature
    straight: Callable[..., bytes | None] | None = None


_RUN: Final = (
    db_read, db_write, db_remove, db_scan, db_next, db_next_key, db_next_value, addr_validate, addr_canonicalize,
    addr_humanize, secp256k1_verify, secp256k1_recover_pubkey, secp256r1_verify, secp256r1_recover_pubkey,
    ed25519_verify, ed25519_batch_verify, bls12_381_aggregate_g1, bls12_381_aggregate_g2, bls12_381_pairing_equality,
    bls12_381_hash_to_g1, bls12_381_hash_to_g2, debug, abort, query_chain,
)  # fmt: skip
_STRAIGHT: Final[Mapping[str, Callable[..., bytes | None]]] = {
    "db_read": _get,
    "db_write": _set,
    "db_remove": _remove,
    "db_next": _next_record,
    "db_next_key": _next_key,
    "db_next_value": _next_value,
    "addr_validate": _fault,
    "query_chain": _asked,
}

HOST_FUNCTIONS: Final[Mapping[str, HostFunction]] = MappingProxyType(
    {
        run.__name__: HostFunction(run, SIGNATURES[run.__name__], _STRAIGHT.get(run.__name__))
        for run in _RUN
    }
)
