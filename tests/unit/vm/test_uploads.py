"""Damaged and hostile uploads end in a refusal or in the end of a call; `make fuzz-uploads` makes 100,000."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from helpers.uploads import attempt, upload

if TYPE_CHECKING:
    from chain.vm import VM

UPLOADS = 700


def test_uploads(vm: VM) -> None:
    stored: Counter[str] = Counter()
    called: Counter[str] = Counter()
    for number in range(UPLOADS):
        fate = attempt(vm, upload(number))
        stored[fate.stored] += 1
        called[fate.called] += 1
    assert min(stored["ok"], stored["WasmFormatError"], stored["StaticValidationError"]) > 20
    assert called["ok"] > 20
    assert stored["ok"] > called["ok"]
