"""Errors of what puts the packages together.

::

    LightshipError
    ├── ProcessError      a process of ours did not do what it was started for: .name .log
    └── StoryError        the demo did not go as it must
"""

from __future__ import annotations

from pathlib import Path


class LightshipError(Exception):
    """The root of the tree."""


class ProcessError(LightshipError):
    """A process that did not start, or ended by itself."""

    def __init__(self, name: str, reason: str, log: Path) -> None:
        super().__init__(f"{name}: {reason} (its log is {log})")
        self.name = name
        self.log = log


class StoryError(LightshipError):
    """What was awaited did not happen in time."""
