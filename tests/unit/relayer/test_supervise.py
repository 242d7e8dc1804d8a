"""Work is begun anew after what passes, and only after that."""

from typing import Any

import pytest
from helpers.simulated import TestClock

from relayer.errors import NetworkError, RelayerError, VerificationFailed
from relayer.supervise import again, first


async def test_pauses_grow_until_the_work_succeeds() -> None:
    clock, pauses, left = TestClock(), list[float](), 9

    async def work() -> None:
        nonlocal left
        left -= 1
        if left:
            raise NetworkError("x", "down")

    def report(error: RelayerError, pause: float) -> None:
        assert "down" in str(error)
        pauses.append(pause)

    await again(work, clock, report)
    assert pauses == clock.slept == [0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 30.0]


async def test_a_long_success_starts_the_pauses_over() -> None:
    clock, left = TestClock(), 5

    async def work() -> None:
        nonlocal left
        left -= 1
        if left == 2:
            clock.pass_time(60)
        if left:
            raise NetworkError("x", "down")

    await again(work, clock, lambda _error, _pause: None)
    assert clock.slept == [0.2, 0.5, 0.2, 0.5]


async def test_what_does_not_pass_is_raised() -> None:
    async def work() -> None:
        raise VerificationFailed("a-1", 4, "header", "forged")

    with pytest.raises(VerificationFailed, match="forged"):
        await again(work, TestClock(), lambda _error, _pause: None)


def test_the_first_of_a_nested_group() -> None:
    inner = NetworkError("x", "down")
    parts: list[Any] = [ExceptionGroup("inner", [inner]), NetworkError("y", "up")]
    group: ExceptionGroup[RelayerError] = ExceptionGroup("outer", parts)
    assert first(group) is inner
