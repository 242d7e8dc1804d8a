"""Our own commands as processes of their own: started, waited for, and ended by whoever started them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from lightship.errors import ProcessError

READY_SECONDS: Final = 30.0
STOP_SECONDS: Final = 10.0


class Process:
    """``lightship ARGUMENTS`` with its standard error in ``log``."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.name = name
        self.log = log
        self._process = process

    @classmethod
    async def start(
        cls,
        name: str,
        arguments: Sequence[str],
        log: Path,
        environment: Mapping[str, str] | None = None,
    ) -> Process:
        with log.open("ab") as errors:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "lightship",
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )
        return cls(name, process, log)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.returncode is None

    async def ready(self, seconds: float = READY_SECONDS) -> Any:
        """The result that the command prints (with ``--json``) once it serves; ProcessError when it does not."""
        assert self._process.stdout is not None  # noqa: S101 - it was asked for above
        try:
            line = await asyncio.wait_for(self._process.stdout.readline(), seconds)
        except TimeoutError:
            raise ProcessError(self.name, f"not ready within {seconds:g} s", self.log) from None
        if not line:
            await self._process.wait()
            raise ProcessError(self.name, self._last_words(), self.log)
        answer = json.loads(line)
        if answer["status"] != "success":
            raise ProcessError(self.name, answer["result"], self.log)
        return answer["result"]

    def pause(self) -> None:
        """Hold it as it is, until ``resume``."""
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    async def kill(self) -> None:
        """End it as a power failure would."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()

    async def terminate(self) -> int:
        """Ask it to end, and end it when it does not; its exit code."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()
        try:
            return await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
        except TimeoutError:
            await self.kill()
            return -signal.SIGKILL

    async def stop(self) -> None:
        """End it, if it has not ended already."""
        if self.running:
            await self.terminate()

    def _last_words(self) -> str:
        lines = self.log.read_text("utf-8", "replace").strip().splitlines()
        return (
            lines[-1].removeprefix("error: ")
            if lines
            else f"ended with code {self._process.returncode}"
        )
