"""A chain that signed two blocks of one height: finding that out, and telling the client that trusts it.

A client on the host trusts a header, the subject itself serves another one for the same height. If both
are signed as they must be, the pair is evidence that freezes the client. If only the client's is, the
endpoint lies, and all that can be done is to stop.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from google.protobuf.message import DecodeError as ProtobufError

from cosmos_pb.cosmos.tx.v1beta1 import tx_pb2
from cosmos_pb.ibc.core.client.v1 import tx_pb2 as client_tx
from light_client import client as light
from light_client.codec import from_any
from light_client.errors import LightClientError
from light_client.message import ClientHeader, Misbehaviour
from light_client.state import ConsensusState
from light_client.values import Height
from relayer import messages, notices
from relayer.client import TrackedClient
from relayer.errors import RelayerError, VerificationFailed
from relayer.reader import Included
from relayer.tx import pack

HEADER: Final = "header"  # `VerificationFailed.what`
LOOK_BACK: Final = 20  # consensus states that are compared in one go, newest first

_UPDATE: Final = pack(client_tx.MsgUpdateClient()).type_url


@dataclass(slots=True)
class _Known:
    """What the client trusts, as far as the evidence needs it (`light_client.client.History`)."""

    states: dict[Height, ConsensusState] = field(default_factory=dict)

    def get(self, height: Height, /) -> ConsensusState | None:
        return self.states.get(height)

    def previous(self, height: Height, /) -> tuple[Height, ConsensusState] | None:
        below = [known for known in self.states if known < height]
        return (max(below), self.states[max(below)]) if below else None

    def next(self, height: Height, /) -> tuple[Height, ConsensusState] | None:
        above = [known for known in self.states if known > height]
        return (min(above), self.states[min(above)]) if above else None

    def processed(self, _height: Height, /) -> tuple[int | None, Height | None] | None:
        return None


class Detector:
    """Compares what one client trusts with what its subject serves."""

    def __init__(self, client: TrackedClient) -> None:
        self.client = client
        self._agreed: set[Height] = set()

    async def suspect(self, error: VerificationFailed) -> None:
        """The subject served a header that does not verify: is there more to it than a lie?"""
        if error.what != HEADER or error.chain != self.client.subject.chain_id:
            return
        try:
            height = await self.look(everything=True)
        except RelayerError as trouble:
            self._report(Height(0, error.height), str(trouble), submitted=False)
            return
        if height is not None:
            await self.accuse(height)

    async def look(self, *, everything: bool = False) -> Height | None:
        """The newest height on which client and subject disagree, of those not compared before."""
        latest = await self.client.subject.heights.refresh()
        listed = await self.client.host.reader.consensus_heights(self.client.id)
        for height in sorted(listed, reverse=True)[:LOOK_BACK]:
            compared = height in self._agreed or self.client.knows(height)
            if (compared and not everything) or height.revision_height > latest:
                continue
            if not await self._agrees(height):
                return height
            self._agreed.add(height)
        return None

    async def accuse(self, height: Height) -> notices.Misbehaviour:
        """Build the evidence for a height, check it as the client will, and submit it."""
        try:
            evidence = await self._evidence(height)
            signer = self.client.host.address
            await self.client.host.submit(
                [messages.update_client(self.client.id, evidence, signer)]
            )
        except (_NoEvidence, LightClientError, RelayerError) as error:
            return self._report(height, str(error), submitted=False)
        return self._report(height, "both headers are signed", submitted=True)

    def _report(self, height: Height, detail: str, *, submitted: bool) -> notices.Misbehaviour:
        notice = notices.Misbehaviour(
            chain=self.client.subject.chain_id,
            client=self.client.id,
            height=height.revision_height,
            submitted=submitted,
            detail=detail,
        )
        self.client.host.notices(notice)
        return notice

    async def _agrees(self, height: Height) -> bool:
        trusted = await self.client.consensus(height)
        if trusted is None:
            return True
        header = (await self.client.subject.reader.signed_header(height.revision_height)).header
        served = ConsensusState(header.time, header.app_hash, header.next_validators_hash)
        return served == trusted

    async def _evidence(self, height: Height) -> Misbehaviour:
        client = self.client
        submitted = await self._submitted_header(height)
        listed = await client.host.reader.consensus_heights(client.id)
        below = [known for known in listed if known < height]
        if not below:
            raise _NoEvidence(f"the client trusts nothing below {height} to judge by")
        served = await self._served_header(height, max(below))
        evidence = Misbehaviour(client.id, submitted, served)
        known = _Known()
        for trusted_height in (submitted.trusted_height, served.trusted_height):
            state = await client.consensus(trusted_height)
            if state is not None:
                known.states[trusted_height] = state
        light.verify_client_message(client.state, known, evidence, client.host.now())
        if not light.check_for_misbehaviour(client.state, known, evidence):
            raise _NoEvidence("the headers do not contradict each other")
        return evidence

    async def _served_header(self, height: Height, trusted_height: Height) -> ClientHeader:
        """What the subject serves, led from what the client trusts."""
        reader = self.client.subject.reader
        block = await reader.light_block(height.revision_height)
        following = await reader.validators(trusted_height.revision_height + 1)
        return ClientHeader(block.signed_header, block.validators, trusted_height, following)

    async def _submitted_header(self, height: Height) -> ClientHeader:
        """The header that the client was updated with, out of the transaction that did it."""
        query = (
            f"update_client.client_id='{self.client.id}' AND "
            f"update_client.consensus_height='{height}'"
        )
        found = await self.client.host.reader.search(query)
        for header in _headers(found, self.client.id):
            if header.height == height:
                return header
        raise _NoEvidence(f"no transaction with the client's header of {height} can be found")


class _NoEvidence(Exception):
    """Why a conflict cannot be proven."""


def _headers(txs: Iterable[Included], client: str) -> Iterable[ClientHeader]:
    """The headers that transactions brought to a client."""
    for tx in txs:
        try:
            body = tx_pb2.TxBody.FromString(tx_pb2.TxRaw.FromString(tx.tx).body_bytes)
            updates = [
                client_tx.MsgUpdateClient.FromString(message.value)
                for message in body.messages
                if message.type_url == _UPDATE
            ]
            contents = [
                from_any(each.client_message) for each in updates if each.client_id == client
            ]
        except (ProtobufError, LightClientError):  # a transaction of others is no business of ours
            continue
        yield from (content for content in contents if isinstance(content, ClientHeader))
