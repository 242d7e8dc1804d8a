"""The daemon and an endpoint that lies: its path stops and says what did not verify, the others go on."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from helpers.linked import Forger, Party, party

from lightship.errors import ProcessError
from lightship.processes import Process
from relayer import Link, State
from relayer.daemon import KEY_FOLDER, STATE_FILE
from relayer.keyring import Argon2, Keyring
from relayer.link import ChannelPair

pytestmark = pytest.mark.xdist_group("forgery")

PASSWORD = "a password for tests"
Lie = Callable[[str, Any], Any]


@asynccontextmanager
async def listening(forger: Forger) -> AsyncIterator[str]:
    """The URL of an RPC endpoint without WebSocket, whose answers pass through a forger's hands."""

    async def answer(request: Any) -> Any:
        told = await forger.call(request["method"], request.get("params") or {})
        return {**told, "id": request["id"]}

    async def post(request: web.Request) -> web.Response:
        asked = await request.json()
        if isinstance(asked, list):
            return web.json_response(await asyncio.gather(*map(answer, asked)))
        return web.json_response(await answer(asked))

    app = web.Application()
    app.router.add_post("/", post)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


@dataclass
class Trio:
    """alpha is joined with beta, an honest chain, and with gamma, whose endpoint may lie."""

    folder: Path
    alpha: Party
    beta: Party
    gamma: Party
    forger: Forger
    urls: dict[str, str]
    channels: dict[str, ChannelPair] = field(default_factory=dict)

    async def join(self) -> None:
        ring = Keyring(self.folder / KEY_FOLDER, Argon2(iterations=1, lanes=1, memory=64))
        for each in (self.alpha, self.beta, self.gamma):
            secret = each.endpoint.wallets.wallets[0].signer.secret
            ring.add_secret(each.endpoint.chain_id, secret, PASSWORD)
        state = State(self.folder / STATE_FILE)
        for name, other in (("beta", self.beta), ("gamma", self.gamma)):
            link = await Link.create(self.alpha.endpoint, other.endpoint, state=state)
            self.channels[name] = await link.open_channel("transfer", "transfer", "ics20-1")
        state.close()

    def configure(self, *paths: str) -> Path:
        tables = [
            f'[chains.{name}]\nid = "{name}-1"\nrpc = "{url}"\nprefix = "cosmos"\n'
            f'gas_price = "0.01stake"\nkeys = ["{name}-1"]\n'
            for name, url in self.urls.items()
        ]
        tables += [f'[[paths]]\na = "alpha"\nb = "{name}"\n' for name in paths]
        file = self.folder / "config.toml"
        file.write_text("\n".join([f'[state]\nfolder = "{self.folder}"\n', *tables]))
        return file

    async def start(self, *paths: str) -> Process:
        """The daemon, once all its paths are at work."""
        words = ["start", "--json", "--config", str(self.configure(*paths))]
        log = self.folder / "daemon.log"
        daemon = await Process.start("relayer", words, log, {"LIGHTSHIP_PASSWORD": PASSWORD})
        async with asyncio.timeout(30):
            while log.read_text().count("PathStarted") < len(paths):  # noqa: ASYNC110 - a file
                await asyncio.sleep(0.05)
        return daemon

    async def lie(self, lie: Lie) -> None:
        """From now on; with a packet on its way from gamma, and so a reason to ask it for proofs."""
        self.forger.on_call = lie
        channel = self.channels["gamma"].b_channel
        await self.gamma.send([self.gamma.transfer(channel, self.alpha.person.address)])

    async def said(self, words: str) -> str:
        """The one line of the daemon's log with these words."""
        async with asyncio.timeout(30):
            while True:
                lines = (self.folder / "daemon.log").read_text().splitlines()
                if found := [line for line in lines if words in line]:
                    [line] = found
                    return line
                await asyncio.sleep(0.05)

    async def relayed(self) -> None:
        """A packet to beta arrives and is acknowledged."""
        channel = self.channels["beta"].a_channel
        await self.alpha.send([self.alpha.transfer(channel, self.beta.person.address)])
        async with asyncio.timeout(30):
            while await self.alpha.endpoint.reader.commitments("transfer", channel):  # noqa: ASYNC110 - asks a chain
                await asyncio.sleep(0.05)


@asynccontextmanager
async def trio(folder: Path) -> AsyncIterator[Trio]:
    async with AsyncExitStack() as stack:
        chains = [
            await stack.enter_async_context(party(f"{name}-1", sockets=True))
            for name in ("alpha", "beta", "gamma")
        ]
        forger = Forger(chains[2].node.transport())
        urls = {
            "alpha": chains[0].node.rpc_url,
            "beta": chains[1].node.rpc_url,
            "gamma": await stack.enter_async_context(listening(forger)),
        }
        made = Trio(folder, chains[0], chains[1], chains[2], forger, urls)
        await made.join()
        yield made


def forged_header(method: str, answer: Any) -> Any:
    if method == "commit":
        answer["result"]["signed_header"]["header"]["app_hash"] = "AB" * 32
    return answer


def forged_proof(method: str, answer: Any) -> Any:
    if method == "abci_query":
        response = answer["result"]["response"]
        if base64.b64decode(response["key"] or "").startswith(b"commitments/"):
            response["value"] = base64.b64encode(b"\x07" * 32).decode()
    return answer


LIES = [
    # the second where the watch over the clients is the first to ask
    (forged_header, r"gamma-1: header at height \d+ does not verify: (commit signs block: expected |another one was )"),
    (forged_proof, r"gamma-1: proof of commitments/ports/transfer/.* does not verify: .*provided value doesn't match"),
]  # fmt: skip


@pytest.mark.parametrize(("lie", "reason"), LIES, ids=["header", "proof"])
async def test_a_lie_stops_its_path_and_no_other(tmp_path: Path, lie: Lie, reason: str) -> None:
    async with trio(tmp_path) as world:
        daemon = await world.start("beta", "gamma")
        try:
            await world.lie(lie)
            notice = json.loads(await world.said("PathStopped"))
            assert notice["link"] == "alpha-1/connection-1:gamma-1/connection-0"
            assert re.match(reason, notice["reason"])
            await world.relayed()
            assert daemon.running
        finally:
            await daemon.stop()
        coins = await world.alpha.endpoint.reader.balances(world.alpha.person.address)
        assert not [coin for coin in coins if coin.denom.startswith("ibc/")]


async def test_the_last_path_that_stops_ends_the_daemon(tmp_path: Path) -> None:
    async with trio(tmp_path) as world:
        daemon = await world.start("gamma")
        try:
            await world.lie(forged_header)
            with pytest.raises(ProcessError, match=r"path alpha-1/.*: gamma-1: header at height "):
                await daemon.ready()
            assert await daemon._process.wait() == 1
        finally:
            await daemon.stop()
