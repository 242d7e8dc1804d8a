"""What scripts that use a Python client are made of: named steps, the first that fails ends the script.

They run in processes of their own and import nothing of ours but this.
"""

import json
import sys
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


def settings() -> Any:
    """What the test says."""
    return json.load(sys.stdin)


def step(name: str, action: Callable[[], T]) -> T:
    try:
        result = action()
    except Exception as error:
        said = f"{type(error).__name__}: {error}".replace("\n", " ")
        print(f"failed {name}: {said}", flush=True)
        raise
    print(f"ok {name}", flush=True)
    return result


def refused(kind: type[Exception], reason: str, action: Callable[[], Any]) -> None:
    """What must be refused, with the words that the reason must have."""
    try:
        action()
    except kind as error:
        if reason in str(error):
            return
        raise
    raise AssertionError("was not refused")
