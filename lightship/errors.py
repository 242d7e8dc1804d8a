"""Errors of what puts the packages together.

::

    LightshipError
    ├── ProcessError      a process of ours did not do what it was started for: .name .log
    ├── StoryError        the demo did not go as it must
    ├── FileError         a file does not hold what it was given for: .file
    └── CheckFailed       a header or a proof does not hold: .subject
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


class FileError(LightshipError):
    """A file that cannot be read as what it was given for."""

    def __init__(self, file: str, reason: object) -> None:
        super().__init__(f"{file}: {reason}")
        self.file = file


class CheckFailed(LightshipError):
    """The first check that did not hold; the reason says which one, with both values."""

    def __init__(self, subject: str, reason: object) -> None:
        super().__init__(f"{subject}: {reason}")
        self.subject = subject
