"""Endless work that is begun anew when something passing gets in its way."""

from collections.abc import Awaitable, Callable
from typing import Final

from relayer.clock import Clock
from relayer.errors import NetworkError, QueryError, RelayerError, TxError

PASSING: Final[tuple[type[RelayerError], ...]] = (NetworkError, QueryError, TxError)

_PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


async def again(
    work: Callable[[], Awaitable[None]],
    clock: Clock,
    report: Callable[[RelayerError, float], None],
) -> None:
    """Do work to its end, with growing pauses between attempts that a passing error ended.

    Work that went well for longer than the longest pause counts as recovered. `report` hears of each
    error and the pause in seconds after it; an error that does not pass is raised.
    """
    failures = 0
    while True:
        begun = clock.monotonic()
        try:
            return await work()
        except PASSING as error:
            recovered = clock.monotonic() - begun > _PAUSES[-1]
            failures = 1 if recovered else failures + 1
            pause = _PAUSES[min(failures, len(_PAUSES)) - 1]
            report(error, pause)
            await clock.sleep(pause)


def first(group: BaseExceptionGroup[RelayerError]) -> RelayerError:
    """One error to report out of several that happened together."""
    found = group.exceptions[0]
    return first(found) if isinstance(found, BaseExceptionGroup) else found
