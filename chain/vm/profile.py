"""Where the gas of a call went: by function of the contract, and by host function.

The contract is metered as always, and each function also sums what it pays in a counter of its own; what the host
charges is summed under the name of the import. The sums add up to the gas that the VM used, to the unit. The public
API of wasmtime runs it: slower, with the same gas.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import wasmtime

from chain.vm import engine_api, wasm
from chain.vm.errors import CompileError, VmError, WasmFormatError
from chain.vm.imports import HOST_FUNCTIONS
from chain.vm.instance import Call, CallResult
from chain.vm.metering import COUNTER, meter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chain.vm.backend import Backend
    from chain.vm.gas import Era
    from chain.vm.imports import HostFunction

ARGUMENTS_AND_RESULT: Final = "arguments and result"
"""Name for what it costs to pass the arguments in and the result out."""

NOT_SPENT: Final = "left when it ran out"
"""Name for the rest of the limit, which counts as used by a call that runs out of gas."""


@dataclass(frozen=True, slots=True)
class Profile:
    """VM gas of one call by who was charged, the largest first; both mappings leave out zeros."""

    functions: dict[str, int]
    host: dict[str, int]

    @property
    def total(self) -> int:
        return sum(self.functions.values()) + sum(self.host.values())


class Profiler:
    """One contract, compiled for profiling. Raises `CompileError` or `WasmFormatError`."""

    def __init__(self, code: bytes, era: Era, memory_pages: int = 512) -> None:
        module = wasm.parse(code)
        metered = meter(module, era.ops, memory_pages, counters=True)
        self._era = era
        self._exports = module.exported_functions()
        self._names = function_names(module)
        self._engine = _Engine(memory_pages)
        try:
            compiled = wasmtime.Module(self._engine.engine, metered)
        except wasmtime.WasmtimeError as error:
            raise CompileError(f"Could not compile: {error}") from error
        self._module = engine_api.Module(self._engine, compiled, len(metered), self._exports)
        self.profile: Profile | None = None

    def call(
        self,
        entry: str,
        args: Sequence[bytes],
        backend: Backend,
        gas_limit: int,
        *,
        debug: bool = False,
    ) -> CallResult:
        """Like `VM.call`; afterwards, however it ends, `profile` tells where the gas went."""
        call = _Call(self._era, backend, gas_limit, readonly=entry == "query", debug=debug)
        guest = call.guest = _Guest(self._module, call)
        try:
            return call.run(entry, args, self._exports.get(entry))
        except VmError as error:
            error.gas = call.report()
            raise
        except BaseException as error:
            error.gas_report = call.report()  # type: ignore[attr-defined]
            raise
        finally:
            self.profile = self._profile(call, guest)
            guest.close()

    def _profile(self, call: _Call, guest: _Guest) -> Profile:
        spent = dict(zip(self._names, map(guest.spent, range(len(self._names))), strict=True))
        known = sum(spent.values()) + sum(call.spent.values())
        rest = {NOT_SPENT: call.report().used_internally - known}
        return Profile(_sorted(spent), _sorted(call.spent | rest))


class _Call(Call):
    """A call that notes under whose name it charges."""

    __slots__ = ("spent", "where")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.spent: dict[str, int] = dict.fromkeys((ARGUMENTS_AND_RESULT, *HOST_FUNCTIONS), 0)
        self.where = ARGUMENTS_AND_RESULT

    def charge(self, cost: int) -> None:
        super().charge(cost)
        self.spent[self.where] += cost

    def charge_external(self, used: int) -> None:
        self.used_externally += used
        super().charge(used)


class _Guest(engine_api.Guest):
    def spent(self, place: int) -> int:
        counter: Any = self._exports[COUNTER(place)]
        return int(counter.value(self._store))


class _Engine(engine_api.Engine):
    def _callback(self, host: HostFunction) -> Callable[[], None]:
        name = next(name for name, each in HOST_FUNCTIONS.items() if each is host)
        return super()._callback(replace(host, run=_noted(name, host.run)))


def _noted(name: str, run: Callable[..., int | None]) -> Callable[..., int | None]:
    """`run` under its name; the engine has charged the host call itself to whoever was there before."""

    def noted(call: _Call, *values: int) -> int | None:
        before, call.where = call.where, name
        call.spent[before] -= call.host_call_cost
        call.spent[name] += call.host_call_cost
        try:
            return run(call, *values)
        finally:
            call.where = before

    return noted


def _sorted(spent: dict[str, int]) -> dict[str, int]:
    paid = [(name, amount) for name, amount in spent.items() if amount]
    return dict(sorted(paid, key=lambda item: (-item[1], item[0])))


# --- names ------------------------------------------------------------------------------------

_NAMES: Final = "name"
_FUNCTION_NAMES: Final = 1


def function_names(module: wasm.Module) -> list[str]:
    """A name for each function that the module defines, no two the same.

    It comes from the name section, else from the exports, else it is the function's index. A name section that does
    not follow its format counts as far as it can be read (WebAssembly core specification, appendix "Name Section").
    """
    first = len(module.imported_functions)
    names = {e.index: e.name for e in reversed(module.exports) if e.kind == wasm.FUNC_KIND}
    names |= _named(module)
    found = [
        names.get(first + place, f"func[{first + place}]") for place in range(len(module.functions))
    ]
    times = Counter(found)
    return [
        name if times[name] == 1 else f"{name} [{first + place}]"
        for place, name in enumerate(found)
    ]


def _named(module: wasm.Module) -> dict[int, str]:
    found: dict[int, str] = {}
    try:
        for section in module.sections:
            reader = wasm.Reader(module.data, section.start, section.end)
            if section.id == wasm.CUSTOM and reader.name() == _NAMES:
                _read_names(reader, found)
    except WasmFormatError:
        return found
    return found


def _read_names(reader: wasm.Reader, found: dict[int, str]) -> None:
    while reader.pos < reader.end:
        number, part = reader.byte(), reader.section(reader.u32())
        if number == _FUNCTION_NAMES:
            for _ in range(part.u32()):
                index = part.u32()
                found[index] = part.name()
