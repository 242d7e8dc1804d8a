"""Everything that can go wrong in the VM, and whose fault it is.

Four outcomes of a call must never be confused: the contract's own error (an ordinary result, no
exception), a trap or a misuse of the host interface (`CallError`), running out of gas (`OutOfGas`),
and a bug of ours (any exception that is not a `VmError`). What a backend raises passes through
unchanged. The texts are those of cosmwasm-vm (packages/vm/src/errors), since contracts, wallets and
test suites match on them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chain.vm.gas import GasReport

_THROUGH_WASM = "Error executing Wasm: Wasmer runtime error: RuntimeError: "


class ApiError(Exception):
    """Raised by a backend's address functions; its text goes back to the contract."""


class VmError(Exception):
    """Base of all errors of the VM.

    `gas` is set when the error ended a call. `levels` counts how many times the error crossed
    compiled code on its way out: cosmwasm-vm wraps the text once for each.
    """

    def __init__(self, text: str, *, levels: int = 0) -> None:
        super().__init__(text)
        self.text = text
        self.levels = levels
        self.gas: GasReport | None = None

    @property
    def gas_report(self) -> GasReport | None:
        """The same as `gas`, under the name that foreign exceptions carry it by."""
        return self.gas

    def __str__(self) -> str:
        return _THROUGH_WASM * self.levels + self.text


# --- the uploader's fault ---------------------------------------------------------------------


class StaticValidationError(VmError):
    """The code is not Wasm, or not a contract that this VM serves."""

    def __str__(self) -> str:
        return f"Error during static Wasm validation: {self.text}"


class WasmFormatError(StaticValidationError):
    """The bytes do not follow the Wasm binary format."""

    def __init__(self, problem: str, offset: int) -> None:
        super().__init__(
            "Wasm bytecode could not be deserialized. Deserialization error: "
            f'"{problem} (at offset {offset:#x})"'
        )


class CompileError(VmError):
    """The code is valid Wasm that cannot be compiled under the VM's rules and limits."""

    def __str__(self) -> str:
        return f"Error compiling Wasm: {self.text}"


# --- the chain's fault ------------------------------------------------------------------------


class CodeNotFound(VmError):
    """No code is stored under this checksum."""

    def __init__(self, checksum: bytes) -> None:
        super().__init__(f"Cache error: no Wasm code with checksum {checksum.hex()}")


class IntegrityError(VmError):
    """Stored code is not what its checksum says."""

    def __init__(self, checksum: bytes) -> None:
        super().__init__(f"Hash doesn't match stored data: code {checksum.hex()}")


class CacheError(VmError):
    """The folder for code or compiled modules cannot be used."""


# --- the caller's or the contract's fault -----------------------------------------------------


class CallError(VmError):
    """A call ended without a result from the contract."""


class OutOfGas(CallError):
    """The gas limit is used up; the whole limit counts as used.

    Where a host function could not be paid, the text shows that the error crossed compiled code;
    where the code itself ran dry, it does not (instance.rs, call_function).
    """

    def __init__(self) -> None:
        super().__init__("Ran out of gas during contract execution")


class Trap(CallError):
    """The machine stopped: unreachable code, stack or memory out of bounds, division by zero."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, levels=1)


class Aborted(CallError):
    """The contract called `abort`, which is how a Rust panic ends."""

    def __init__(self, message: str) -> None:
        super().__init__(f"Aborted: {message}")
        self.message = message


class InstantiationError(CallError):
    """The module cannot be linked, or its start function failed."""

    def __str__(self) -> str:
        return f"Error instantiating a Wasm module: Error instantiating module: {self.text}"


class NoMemory(CallError):
    """The module does not export its memory under the name that the host knows."""

    def __init__(self, *, missing: bool) -> None:
        reason = "Missing export memory" if missing else "Incompatible Export Type"
        super().__init__(
            f"Error instantiating a Wasm module: Could not get memory 'memory': {reason}"
        )


class MissingExport(CallError):
    """The contract has no such entry point."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"Error resolving Wasm function: Could not get export: Missing export {name}"
        )
        self.name = name


class ArityMismatch(CallError):
    """The entry point takes another number of arguments."""

    def __init__(self, arity: int) -> None:
        super().__init__(
            f"The called function args arity does not match. The contract's method arity: {arity}"
        )
        self.arity = arity


class SignatureMismatch(CallError):
    """An export that the VM calls does not have the type that the interface demands."""


class HostError(CallError):
    """The contract broke the rules of the host interface."""


class CommunicationError(HostError):
    """A Region, a section list or an order flag that the contract passed is not valid."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"Error in guest/host communication: {problem}")


class RegionTooLong(CommunicationError):
    """A Region holds more than the host function accepts."""

    def __init__(self, length: int, limit: int) -> None:
        super().__init__(f"Region length too big. Got {length}, limit {limit}")
        self.length = length
        self.limit = limit


class BackendError(HostError):
    """The contract used its backend in a way that the backend refuses."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"Error calling into the VM's backend: {problem}")


class WriteAccessDenied(HostError):
    """A query tried to write."""

    def __init__(self) -> None:
        super().__init__("Must not call a writing storage function in this context.")


class CallDepthExceeded(HostError):
    """The contract re-entered itself through the host too often (CWA-2023-002)."""

    def __init__(self) -> None:
        super().__init__("Maximum call depth exceeded.")


class TooManyNestedCalls(CallError):
    """More contract calls inside one another than one thread's stack has room for."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"more than {limit} contract calls inside one another")
