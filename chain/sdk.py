"""What transactions are charged for by the Cosmos SDK under the releases of wasmd that a chain may follow.

Sources, at cosmos-sdk v0.47.5, v0.50.1, v0.53.6 and v0.54.0: ``x/auth/keeper/{account,keeper}.go``, ``x/auth/ante``,
``x/auth/types/{keys,account_id}.go``, ``x/bank/keeper/send.go``, ``baseapp/msg_service_router.go``; of wasmd
``app/{app,ante}.go`` at v0.45.0, v0.50.0, v0.61.14 and v0.70.3. The decorators of the ante handler read and write the
same in all of them, and the store has the same prices (``store/types/gas.go``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final


@dataclass(frozen=True, slots=True)
class Sdk:
    """A line of the SDK with wasmd's application on it, by default 0.50 to 0.53, which charge alike.

    ``name``: the first of the lines.
    """

    name: str = "0.50"
    circuit_breaker: bool = True
    """Whether the application asks x/circuit about every message, in the ante handler and in the router of messages."""
    indexed_accounts: bool = True
    """Whether storing an account reads the one before and looks after a unique index, or just writes two entries."""
    counts_accounts: bool = True
    """Whether an account's number is the next of a counter, or made of the block and the address (``GenerateID``)."""
    legacy_counter: bool = False
    """Whether that counter is the protobuf value at ``globalAccountNumber``, or eight bytes at 02."""
    looks_for_holders: bool = False
    """Whether the index of a denomination's holders is read, and a zero byte written if need be, or just written."""


SDK_50: Final = Sdk()
SDK_47: Final = replace(
    SDK_50,
    name="0.47",
    circuit_breaker=False,
    indexed_accounts=False,
    legacy_counter=True,
    looks_for_holders=True,
)
SDK_54: Final = replace(SDK_50, name="0.54", circuit_breaker=False, counts_accounts=False)
