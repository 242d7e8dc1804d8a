"""The daemon: all configured paths in one process, until a signal ends it."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from relayer.clock import Clock, SystemClock
from relayer.config import ChainConfig, Config, PathConfig
from relayer.endpoint import ChainSettings, Endpoint
from relayer.errors import ConfigError, PathStopped, RelayerError, TxError
from relayer.keyring import Keyring
from relayer.keys import Signer
from relayer.link import Link
from relayer.notices import Notices
from relayer.notices import PathStopped as PathStoppedNotice
from relayer.state import State
from relayer.transport import HttpTransport, Transport

STATE_FILE: Final = "relayer.db"
KEY_FOLDER: Final = "keys"

Connect = Callable[[ChainConfig], Transport]
Password = Callable[[str], str]


def connect(config: ChainConfig) -> Transport:
    """The transport that a configuration asks for."""
    transport = HttpTransport(
        config.rpc, batch=config.rpc_batch, timeout=config.rpc_timeout.seconds
    )
    if config.grpc is None:
        return transport
    from relayer.grpc_queries import GrpcQueries  # noqa: PLC0415 - grpc is heavy

    return GrpcQueries(transport, config.grpc)


class Daemon:
    """Runs every path of a configuration; `password` is asked once for each key, by its name."""

    def __init__(
        self,
        config: Config,
        password: Password,
        *,
        file: Path | str = "configuration",
        notices: Notices | None = None,
        clock: Clock | None = None,
        transports: Connect = connect,
    ) -> None:
        self._config = config
        self._password = password
        self._file = file
        self._notices = notices or Notices()
        self._clock: Clock = clock or SystemClock()
        self._transports = transports
        self._state = State(config.state.path / STATE_FILE)
        self._endpoints: dict[str, Endpoint] = {}
        self.links: list[Link] = []

    async def run(self, stop: asyncio.Event | None = None) -> None:
        """Relay until `stop` is set, or SIGTERM or SIGINT arrives.

        What is wrong from the start is raised at once: keys, chains that do not answer or are others,
        accounts without funds, connections that do not exist. Later, a path that must not go on stops
        alone; PathStopped is raised when the last one has.
        """
        ending = stop or asyncio.Event()
        try:
            with _signals(ending):
                if await _unless(ending, self.open()):
                    await self._run_until(ending)
        finally:
            await self.close()

    async def open(self) -> None:
        """Open every chain that a path names, and resume every path."""
        if not self._config.paths:
            raise ConfigError(self._file, "paths", "there is no path to relay")
        names = sorted({name for path in self._config.paths for name in (path.a, path.b)})
        found = await asyncio.gather(
            *(self._open_chain(name) for name in names), return_exceptions=True
        )
        for outcome in found:
            if isinstance(outcome, BaseException):
                raise outcome
        for index, path in enumerate(self._config.paths):
            self.links.append(await self._resume(index, path))

    async def close(self) -> None:
        for endpoint in self._endpoints.values():
            await endpoint.close()
        self._endpoints.clear()
        self._state.close()

    async def _open_chain(self, name: str) -> None:
        config = self._config.chains[name]
        endpoint = Endpoint(
            ChainSettings.of(config),
            self._transports(config),
            self._signers(config),
            clock=self._clock,
            notices=self._notices,
        )
        self._endpoints[name] = endpoint
        await endpoint.open()
        await _check_funds(endpoint)

    def _signers(self, config: ChainConfig) -> Sequence[Signer]:
        keyring = Keyring(self._config.state.path / KEY_FOLDER)
        return [keyring.open(name, self._password(name)) for name in config.keys]

    async def _resume(self, index: int, path: PathConfig) -> Link:
        a, b = self._endpoints[path.a], self._endpoints[path.b]
        connection = path.connection
        if connection is None:
            known = self._state.find_link(a.chain_id, b.chain_id)
            if known is None:
                raise ConfigError(
                    self._file,
                    f"paths[{index}].connection",
                    f"no connection between {path.a} and {path.b} was made here: name one, or create it",
                )
            connection = known.a.connection
        return await Link.resume(a, b, connection, state=self._state, admits=path.admits)

    async def _run_until(self, ending: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as group:
            paths = [group.create_task(self._run_path(link)) for link in self.links]
            watcher = group.create_task(_cancel_when(ending, paths))
            await asyncio.wait(paths)
            watcher.cancel()
        stopped = [found for path in paths if not path.cancelled() and (found := path.result())]
        if stopped and len(stopped) == len(paths):
            raise stopped[0]

    async def _run_path(self, link: Link) -> PathStopped | None:
        try:
            await link.run()
        except RelayerError as error:
            self._notices(PathStoppedNotice(link.id, str(error)))
            stopped = PathStopped(link.id, str(error))
            stopped.__cause__ = error
            return stopped
        return None


async def _check_funds(endpoint: Endpoint) -> None:
    for wallet in endpoint.wallets.wallets:
        if await endpoint.reader.account(wallet.address) is None:
            raise TxError(
                endpoint.chain_id, f"account {wallet.address} does not exist: is it funded?"
            )


async def _unless(ending: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """Do work, and give it up when the event is set first; whether it was done."""
    task, stop = asyncio.create_task(work), asyncio.create_task(ending.wait())
    await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
    for each in (task, stop):
        each.cancel()
    await asyncio.wait({task, stop})
    if task.cancelled():
        return False
    task.result()
    return True


async def _cancel_when(ending: asyncio.Event, tasks: Sequence[asyncio.Task[object]]) -> None:
    await ending.wait()
    for task in tasks:
        task.cancel()


@contextlib.contextmanager
def _signals(ending: asyncio.Event) -> Iterator[None]:
    """SIGTERM and SIGINT set the event, as long as this lasts."""
    loop = asyncio.get_running_loop()
    caught = (signal.SIGTERM, signal.SIGINT)
    for number in caught:
        loop.add_signal_handler(number, ending.set)
    try:
        yield
    finally:
        for number in caught:
            loop.remove_signal_handler(number)
