"""What a relayer submits to a 07-tendermint client: a header, or proof of misbehaviour.

Sources: ibc-go `modules/light-clients/07-tendermint/{header,misbehaviour}.go`.
"""

from dataclasses import dataclass

from light_client import errors, host
from light_client.commit import LightBlock, SignedHeader
from light_client.errors import ClientError, LightClientError
from light_client.state import ConsensusState
from light_client.validators import ValidatorSet
from light_client.values import Height, revision
from light_client.verify import verify_commit_light


@dataclass(frozen=True, slots=True)
class ClientHeader:
    """A header and what it is verified by: its validators, and those trusted at an older height."""

    signed_header: SignedHeader
    validator_set: ValidatorSet | None
    trusted_height: Height
    trusted_validators: ValidatorSet | None

    @property
    def height(self) -> Height:
        header = self.signed_header.header
        return Height(revision(header.chain_id), header.height)

    @property
    def consensus_state(self) -> ConsensusState:
        """What a client stores once the header is verified."""
        header = self.signed_header.header
        return ConsensusState(header.time, header.app_hash, header.next_validators_hash)

    def light_block(self) -> LightBlock:
        """The header as `verify` wants it; raises ClientError without a validator set."""
        if self.validator_set is None:
            raise ClientError(errors.INVALID_CLIENT_HEADER, "validator set is nil")
        return LightBlock(self.signed_header, self.validator_set)

    def validate_basic(self) -> None:
        """The checks that need no client; raises VerificationError or ClientError."""
        header = self.signed_header.header
        self.signed_header.validate_basic(header.chain_id)
        if self.trusted_height >= self.height:
            raise ClientError(
                errors.INVALID_HEADER_HEIGHT,
                f"TrustedHeight {self.trusted_height} must be less than "
                f"header height {self.height}",
            )
        block = self.light_block()
        block.validators.validate_basic()
        if header.validators_hash != block.validators.hash():
            raise ClientError(
                errors.INVALID_CLIENT_HEADER,
                f"validator set does not match hash "
                f"({block.validators.hash().hex().upper()} != "
                f"{header.validators_hash.hex().upper()})",
            )


@dataclass(frozen=True, slots=True)
class Misbehaviour:
    """Two headers that cannot both come from an honest chain, the higher one first."""

    client_id: str
    header_1: ClientHeader
    header_2: ClientHeader

    def validate_basic(self) -> None:
        """The checks that need no client, both commits among them; raises ClientError."""
        both = (self.header_1, self.header_2)
        for number, header in enumerate(both, 1):
            if header.trusted_height.revision_height == 0:
                raise ClientError(
                    errors.INVALID_HEADER_HEIGHT,
                    f"misbehaviour Header{number} cannot have zero revision height",
                )
        for number, header in enumerate(both, 1):
            if header.trusted_validators is None:
                raise ClientError(
                    errors.INVALID_VALIDATOR_SET,
                    f"trusted validator set in Header{number} cannot be empty",
                )
        self._same_chain()
        host.validate_client_id(self.client_id)
        for number, header in enumerate(both, 1):
            try:
                header.validate_basic()
            except LightClientError as error:
                raise ClientError(
                    errors.INVALID_MISBEHAVIOUR, f"header {number} failed validation: {error}"
                ) from error
        if self.header_1.height < self.header_2.height:
            raise ClientError(
                errors.INVALID_MISBEHAVIOUR,
                "Header1 height is less than Header2 height "
                f"({self.header_1.height} < {self.header_2.height})",
            )
        for header in both:
            _committed(header)

    def _same_chain(self) -> None:
        first = self.header_1.signed_header.header.chain_id
        second = self.header_2.signed_header.header.chain_id
        if first != second:
            raise ClientError(
                errors.INVALID_MISBEHAVIOUR,
                f"headers must have identical chainIDs ({first} != {second})",
            )


def _committed(header: ClientHeader) -> None:
    block = header.light_block()
    try:
        verify_commit_light(block.header.chain_id, block.validators, block.commit)
    except LightClientError as error:
        raise ClientError(
            errors.INVALID_MISBEHAVIOUR, f"validator set did not commit to header: {error}"
        ) from error
