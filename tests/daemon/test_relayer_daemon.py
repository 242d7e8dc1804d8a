"""The daemon as a process: configured by files, killed in the middle, started again."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from helpers.linked import Party, pair, until

from relayer import Link, State
from relayer.config import Config, load
from relayer.daemon import KEY_FOLDER, STATE_FILE, Daemon
from relayer.errors import ChainMismatch, ConfigError, KeyringError, NetworkError, TxError
from relayer.keyring import Argon2, Keyring
from relayer.link import ChannelPair

PASSWORD = "correct horse"
ROOT = Path(__file__).parents[2]
PROGRAM = """
import asyncio, pathlib, sys
from relayer.config import load
from relayer.daemon import Daemon
from relayer.notices import Notices
config = load(pathlib.Path(sys.argv[1]))
say = Notices(lambda notice: print(notice, flush=True))
asyncio.run(Daemon(config, lambda name: "correct horse", notices=say).run())
"""


def chain_table(name: str, party: Party, **changes: str) -> str:
    entries = {
        "id": party.endpoint.chain_id,
        "rpc": party.node.rpc_url,
        "prefix": "cosmos",
        "gas_price": "0.01stake",
        **changes,
    }
    lines = [f'{key} = "{value}"' for key, value in entries.items()]
    keys = f'keys = ["{party.endpoint.chain_id}"]'
    return "\n".join([f"[chains.{name}]", *lines, keys, ""])


def configure(folder: Path, a: Party, b: Party, text: str | None = None) -> Path:
    """A configuration file, and the relayer's keys in its key ring."""
    keyring = Keyring(folder / KEY_FOLDER, Argon2(iterations=1, lanes=1, memory=64))
    for party in (a, b):
        secret = party.endpoint.wallets.wallets[0].signer.secret
        keyring.add_secret(party.endpoint.chain_id, secret, PASSWORD)
    file = folder / "config.toml"
    both = chain_table("alpha", a) + chain_table("beta", b)
    paths = '[[paths]]\na = "alpha"\nb = "beta"\n'
    file.write_text(text or f'{both}\n{paths}\n[state]\nfolder = "{folder}"\n')
    return file


def daemon(config: Config) -> Daemon:
    return Daemon(config, lambda _name: PASSWORD)


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[tuple[Party, Party, ChannelPair, Path]]:
    """Two chains on sockets, a channel, and a configuration that relays it."""
    async with pair(sockets=True) as (a, b):
        state = State(folder / STATE_FILE)
        link = await Link.create(a.endpoint, b.endpoint, state=state)
        channel = await link.open_channel("transfer", "transfer", "ics20-1")
        state.close()
        yield a, b, channel, configure(folder, a, b)


@asynccontextmanager
async def process(file: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    paths = os.pathsep.join([str(ROOT), str(ROOT / "proto" / "python")])
    started = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        PROGRAM,
        str(file),
        stdout=asyncio.subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": paths},
    )
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
        await started.wait()


async def vouchers(party: Party) -> int:
    coins = await party.endpoint.reader.balances(party.person.address)
    return sum(coin.amount for coin in coins if coin.denom.startswith("ibc/"))


async def finished(a: Party, channel: ChannelPair) -> None:
    """Wait until no packet of the channel is pending on its source."""
    async with asyncio.timeout(60):
        while await a.endpoint.reader.commitments(channel.a_port, channel.a_channel):  # noqa: ASYNC110 - asks a chain
            await asyncio.sleep(0.05)


async def test_kill_9_in_the_middle_of_two_hundred_transfers(tmp_path: Path) -> None:
    async with opened(tmp_path) as (a, b, channel, file):

        async def send() -> None:
            for _ in range(40):
                await a.send([a.transfer(channel.a_channel, b.person.address) for _ in range(5)])

        sending = asyncio.create_task(send())
        for seen in (20, 90):
            async with process(file) as running:
                async with asyncio.timeout(60):
                    while await vouchers(b) < seen:  # noqa: ASYNC110 - asks a chain
                        await asyncio.sleep(0.01)
                running.send_signal(signal.SIGKILL)
                assert await running.wait() == -signal.SIGKILL
        await sending
        async with process(file):
            await finished(a, channel)
        assert await vouchers(b) == 200


async def test_a_signal_ends_it_gently(tmp_path: Path) -> None:
    async with opened(tmp_path) as (a, b, channel, file), process(file) as running:
        await a.send([a.transfer(channel.a_channel, b.person.address)])
        await finished(a, channel)
        running.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            assert await running.wait() == 0


async def test_it_relays_until_it_is_told_to_stop(tmp_path: Path) -> None:
    async with opened(tmp_path) as (a, b, channel, file):
        stop = asyncio.Event()
        runner = daemon(load(file))
        running = asyncio.create_task(runner.run(stop))
        await a.send([a.transfer(channel.a_channel, b.person.address, 9)])
        await finished(a, channel)
        stop.set()
        await until(running.done)
        running.result()
        assert await vouchers(b) == 9


async def test_what_is_wrong_from_the_start_is_said_at_once(tmp_path: Path) -> None:
    async with opened(tmp_path) as (_, b, _, file):
        good = file.read_text()
        wrong = {
            "keys": good.replace('["alpha-1"]', '["nobody"]'),
            "chain": good.replace('"beta-1"\n', '"gamma-1"\n', 1),
            "answer": good.replace(b.node.rpc_url, "http://127.0.0.1:9"),
            "paths": good.replace('[[paths]]\na = "alpha"\nb = "beta"', ""),
            "connection": good.replace('b = "beta"', 'b = "beta"\nconnection = "connection-9"'),
        }
        expected: dict[str, type[Exception] | tuple[type[Exception], ...]] = {
            "keys": KeyringError,
            "chain": ChainMismatch,
            "answer": NetworkError,
            "paths": ConfigError,
        }
        for what, error in expected.items():
            file.write_text(wrong[what])
            with pytest.raises(error) as caught:
                await daemon(load(file)).run(asyncio.Event())
            assert "\n" not in str(caught.value)
        file.write_text(wrong["connection"])
        with pytest.raises(Exception, match="there is no connection-9 on alpha-1"):
            await daemon(load(file)).run(asyncio.Event())
        file.write_text(good)
        with pytest.raises(KeyringError, match="wrong password"):
            await Daemon(load(file), lambda _name: "wrong horse!").run(asyncio.Event())


async def test_an_unfunded_key_is_named(tmp_path: Path) -> None:
    async with opened(tmp_path) as (_, _, _, file):
        Keyring(tmp_path / KEY_FOLDER, Argon2(iterations=1, lanes=1, memory=64)).add_secret(
            "poor", bytes([9] * 32), PASSWORD
        )
        file.write_text(file.read_text().replace('["alpha-1"]', '["poor"]'))
        with pytest.raises(TxError, match=r"account cosmos1\w+ does not exist: is it funded\?"):
            await daemon(load(file)).run(asyncio.Event())


async def test_without_a_known_connection_one_must_be_named(tmp_path: Path) -> None:
    async with pair(sockets=True) as (a, b):
        file = configure(tmp_path, a, b)
        with pytest.raises(ConfigError, match=r"paths\[0\]\.connection: no connection between"):
            await daemon(load(file)).run(asyncio.Event())
