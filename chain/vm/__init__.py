"""The CosmWasm VM: runs compiled contracts, unmodified, and charges exactly upstream's gas.

`VM` is the door. A chain gives each call a `Backend`; what can go wrong is in `errors`.
"""

from chain.vm import errors
from chain.vm.backend import Backend
from chain.vm.cache import Stats
from chain.vm.check import BUILT_IN_CAPABILITIES, ENTRY_POINTS, Analysis
from chain.vm.errors import (
    Aborted,
    ApiError,
    CallError,
    CodeNotFound,
    CompileError,
    HostError,
    MissingExport,
    OutOfGas,
    StaticValidationError,
    Trap,
    VmError,
)
from chain.vm.gas import DEFAULT_ERA, ERAS, Era, GasReport
from chain.vm.instance import CallResult
from chain.vm.vm import VM

__all__ = [
    "BUILT_IN_CAPABILITIES",
    "DEFAULT_ERA",
    "ENTRY_POINTS",
    "ERAS",
    "VM",
    "Aborted",
    "Analysis",
    "ApiError",
    "Backend",
    "CallError",
    "CallResult",
    "CodeNotFound",
    "CompileError",
    "Era",
    "GasReport",
    "HostError",
    "MissingExport",
    "OutOfGas",
    "StaticValidationError",
    "Stats",
    "Trap",
    "VmError",
    "errors",
]
