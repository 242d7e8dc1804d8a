"""A light client on one chain that tracks another: creating it, leading it on, keeping it alive."""

from collections.abc import Sequence
from typing import Final

from cosmos_pb.google.protobuf import any_pb2
from light_client import codec, host
from light_client.codec import from_any
from light_client.errors import LightClientError
from light_client.state import ClientState, ConsensusState
from light_client.values import DEFAULT_TRUST_LEVEL, ZERO_HEIGHT, Height
from relayer import messages
from relayer.endpoint import Endpoint
from relayer.errors import HandshakeError, VerificationFailed
from relayer.events import attributes
from relayer.notices import ClientCreated, ClientUpdated
from relayer.reader import Included

REFRESH_AT: Final = 3  # refresh when a third of the trusting period has passed

_KEPT = 64


class TrackedClient:
    """The client `client_id` on the chain `host` that tracks the chain `subject`."""

    def __init__(
        self, client_id: str, on: Endpoint, subject: Endpoint, state: ClientState | None = None
    ) -> None:
        self.id = client_id
        self.host = on
        self.subject = subject
        self._state = state
        self._known = [] if state is None else [state.latest_height]

    @property
    def state(self) -> ClientState:
        if self._state is None:
            raise HandshakeError(f"client {self.id} on {self.host.chain_id} was not loaded")
        return self._state

    @property
    def newest(self) -> Height:
        """The greatest height that the client is known to trust."""
        return self._known[-1]

    async def load(self) -> ClientState:
        """Read and verify the client's state; HandshakeError unless it is a client of the subject."""
        proven = await self.host.prove(host.client_state_path(self.id))
        if not proven.value:
            raise HandshakeError(f"there is no client {self.id} on {self.host.chain_id}")
        state = self.decode_state(proven.value)
        if state.chain_id != self.subject.chain_id:
            raise HandshakeError(
                f"client {self.id} on {self.host.chain_id} tracks {state.chain_id}, "
                f"not {self.subject.chain_id}"
            )
        if state.frozen_height != ZERO_HEIGHT:
            raise HandshakeError(f"client {self.id} on {self.host.chain_id} is frozen")
        self._state = state
        self._known = [state.latest_height]
        return state

    async def consensus(self, height: Height) -> ConsensusState | None:
        """What the client trusts about a height, verified; None when it knows nothing."""
        proven = await self.host.prove(host.consensus_state_path(self.id, height))
        if not proven.value:
            return None
        found = self._decode(proven.value)
        if not isinstance(found, ConsensusState):
            raise HandshakeError(f"client {self.id}: unexpected consensus state at {height}")
        return found

    async def anchor(self) -> None:
        """Compare what the client trusts about the subject with what the subject itself says."""
        consensus = await self.consensus(self.state.latest_height)
        if consensus is None:
            raise HandshakeError(f"client {self.id} has no state at {self.state.latest_height}")
        height = self.state.latest_height.revision_height
        await self.subject.verifier.trust_consensus(height, consensus)

    async def update(self, height: Height, signer: str) -> list[any_pb2.Any]:
        """The messages that let the client verify proofs of this height; none when it can already."""
        if height in self._known:
            return []
        below = max((known for known in self._known if known < height), default=None)
        if below is None:
            raise HandshakeError(
                f"client {self.id} on {self.host.chain_id} stands at {self.newest}, above {height}"
            )
        headers = await self.subject.verifier.client_headers(below, height.revision_height)
        return [messages.update_client(self.id, header, signer) for header in headers]

    def knows(self, height: Height) -> bool:
        """Whether we have seen, and compared, what the client trusts about this height."""
        return height in self._known

    def confirm(self, height: Height) -> None:
        """A block of the host has an update to this height."""
        if height not in self._known:
            self._known.append(height)
            self._known.sort()
            del self._known[:-_KEPT]

    async def refresh(self, *, force: bool = False) -> bool:
        """Update the client if a third of its trusting period has passed, or in any case.

        Whether an update was sent.
        """
        trusted = await self.subject.verifier.header(self.newest.revision_height)
        age = self.subject.now().ns - trusted.time.ns
        if not force and age * REFRESH_AT < self.state.trusting_period_ns:
            return False
        await self.advance("refresh" if not force else "wake")
        return True

    async def advance(self, why: str) -> Height:
        """Bring the client to the subject's newest block, in a transaction of its own."""
        latest = await self.subject.heights.refresh()
        height = Height(self.subject.revision, latest)
        found = await self.update(height, self.host.address)
        if found:
            await self.host.submit(found)
            self.confirm(height)
            self.host.notices(ClientUpdated(self.host.chain_id, self.id, str(height), why))
        return height

    def decode_state(self, value: bytes) -> ClientState:
        """The client state in a proven value; HandshakeError for a client of another kind."""
        state = self._decode(value)
        if not isinstance(state, ClientState):
            raise HandshakeError(
                f"client {self.id} on {self.host.chain_id} is no 07-tendermint one"
            )
        return state

    def _decode(self, value: bytes) -> object:
        try:
            return from_any(codec.parse(any_pb2.Any, value))
        except LightClientError as error:
            raise VerificationFailed(
                self.host.chain_id, self.host.heights.latest, f"client {self.id}", str(error)
            ) from error


async def create_client(on: Endpoint, subject: Endpoint) -> TrackedClient:
    """A new client on one chain for another, which starts at the subject's newest block."""
    height = await subject.heights.refresh()
    trusted = await subject.verifier.header(height)
    rules = subject.verifier.rules
    state = ClientState(
        chain_id=subject.chain_id,
        trust_level=DEFAULT_TRUST_LEVEL,
        trusting_period_ns=rules.trusting_period_ns,
        unbonding_period_ns=subject.unbonding_ns,
        max_clock_drift_ns=on.settings.clock_drift_ns + subject.settings.clock_drift_ns,
        frozen_height=ZERO_HEIGHT,
        latest_height=Height(subject.revision, height),
    )
    try:
        state.validate()
    except LightClientError as error:
        raise HandshakeError(f"client of {subject.chain_id}: {error}") from error
    consensus = ConsensusState(trusted.time, trusted.app_hash, trusted.next_validators_hash)
    outcome = await on.submit([messages.create_client(state, consensus, on.address)])
    [client_id] = created(outcome.included, "create_client", "client_id")
    client = TrackedClient(client_id, on, subject, state)
    on.notices(ClientCreated(on.chain_id, client.id, subject.chain_id))
    return client


def created(included: Included, event: str, attribute: str) -> list[str]:
    """The identifiers that a transaction made, from its events, in order; at least one."""
    found = [each[attribute] for each in _of_type(included.events, event) if each.get(attribute)]
    if not found:
        raise HandshakeError(f"transaction {included.hash} has no event {event} with {attribute}")
    return found


def _of_type(events: Sequence[object], type_: str) -> list[dict[str, str]]:
    return [
        attributes(event)
        for event in events
        if isinstance(event, dict) and event.get("type") == type_
    ]
