"""Keys at rest: one encrypted JSON file per key, readable by its owner only.

The secret is sealed with ChaCha20-Poly1305 under a key from the password by Argon2id. Parameters, salt
and the public key stand in clear, so that listing needs no password; all of them are authenticated.
"""

import contextlib
import os
import re
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from light_client import bech32
from relayer.errors import KeyringError
from relayer.keys import Signer, address_bytes
from relayer.mnemonic import COSMOS_PATH, derive, mnemonic_to_seed

PASSWORD_VARIABLE: Final = "LIGHTSHIP_PASSWORD"  # noqa: S105 - its name, not its value
MIN_PASSWORD: Final = 8

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SALT = 16
_NONCE = 12


class Argon2(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Cost of guessing a password; memory in KiB. Bounds keep a hostile file from eating the host."""

    iterations: Annotated[int, msgspec.Meta(ge=1, le=20)] = 3
    lanes: Annotated[int, msgspec.Meta(ge=1, le=16)] = 4
    memory: Annotated[int, msgspec.Meta(ge=64, le=1 << 20)] = 64 * 1024


class _KeyFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: Annotated[int, msgspec.Meta(ge=1, le=1)]
    name: str
    algorithm: str
    path: str
    public_key: bytes
    argon2id: Argon2
    salt: bytes
    nonce: bytes
    sealed: bytes

    def clear_part(self) -> bytes:
        """What stands in clear and is authenticated with the secret."""
        return msgspec.json.encode(
            [self.version, self.name, self.algorithm, self.path, self.public_key, self.argon2id]
        )


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """What may be shown of a key without its password."""

    name: str
    path: str
    public_key: bytes

    def address(self, prefix: str) -> str:
        return bech32.encode(prefix, address_bytes(self.public_key))


class Keyring:
    """A folder of key files."""

    def __init__(self, folder: Path, cost: Argon2 | None = None) -> None:
        self._folder = folder
        self._cost = cost or Argon2()

    def add(
        self,
        name: str,
        mnemonic: str,
        password: str,
        *,
        path: str = COSMOS_PATH,
        passphrase: str = "",
    ) -> KeyInfo:
        """Store the key of a mnemonic; the mnemonic itself is not kept."""
        secret, _ = derive(mnemonic_to_seed(mnemonic, passphrase), path)
        return self.add_secret(name, secret, password, path=path)

    def add_secret(self, name: str, secret: bytes, password: str, *, path: str = "") -> KeyInfo:
        """Store a 32-byte private key."""
        target = self._file(name)
        if target.exists():
            raise KeyringError(f"a key named {name} exists already")
        if len(password) < MIN_PASSWORD:
            raise KeyringError(f"the password must have at least {MIN_PASSWORD} characters")
        sealed = self._seal(name, Signer.from_secret(secret), password, path)
        self._write(target, msgspec.json.format(msgspec.json.encode(sealed)))
        return KeyInfo(name, path, sealed.public_key)

    def open(self, name: str, password: str) -> Signer:
        """The signer of this name; KeyringError for a wrong password or a damaged file."""
        file = self._read(name)
        key = _derive_key(password, file.salt, file.argon2id)
        try:
            secret = ChaCha20Poly1305(key).decrypt(file.nonce, file.sealed, file.clear_part())
        except InvalidTag as error:
            raise KeyringError(f"key {name}: wrong password, or the file was altered") from error
        signer = Signer.from_secret(secret)
        if signer.public_key != file.public_key:
            raise KeyringError(f"key {name}: its public and private key do not belong together")
        return signer

    def show(self, name: str) -> KeyInfo:
        file = self._read(name)
        return KeyInfo(file.name, file.path, file.public_key)

    def list(self) -> list[KeyInfo]:
        """All keys, by name."""
        return [self.show(path.stem) for path in sorted(self._folder.glob("*.json"))]

    def delete(self, name: str) -> None:
        self.show(name)
        self._file(name).unlink()

    def _file(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise KeyringError(f"key name {name!r} is not of letters, digits, '.', '_' and '-'")
        return self._folder / f"{name}.json"

    def _seal(self, name: str, signer: Signer, password: str, path: str) -> _KeyFile:
        salt, nonce = secrets.token_bytes(_SALT), secrets.token_bytes(_NONCE)
        file = _KeyFile(1, name, "secp256k1", path, signer.public_key, self._cost, salt, nonce, b"")
        box = ChaCha20Poly1305(_derive_key(password, salt, self._cost))
        sealed = box.encrypt(nonce, signer.secret, file.clear_part())
        return msgspec.structs.replace(file, sealed=sealed)

    def _read(self, name: str) -> _KeyFile:
        try:
            file = msgspec.json.decode(self._file(name).read_bytes(), type=_KeyFile)
        except FileNotFoundError as error:
            raise KeyringError(f"there is no key named {name}") from error
        except OSError as error:
            raise KeyringError(f"key {name} cannot be read: {error.strerror}") from error
        except msgspec.MsgspecError as error:
            raise KeyringError(f"key {name}: the file is damaged: {error}") from error
        if file.name != name or len(file.salt) < _SALT or len(file.nonce) != _NONCE:
            raise KeyringError(f"key {name}: the file is damaged or was renamed")
        return file

    def _write(self, target: Path, content: bytes) -> None:
        """Whole or not at all: a temporary file (created 0600), synced, then renamed."""
        try:
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=".key-")
            try:
                with os.fdopen(descriptor, "wb") as out:
                    out.write(content)
                    out.flush()
                    os.fsync(out.fileno())
                Path(name).replace(target)
            except BaseException:
                with contextlib.suppress(FileNotFoundError):
                    Path(name).unlink()
                raise
        except OSError as error:
            raise KeyringError(f"{target} cannot be written: {error.strerror}") from error


def _derive_key(password: str, salt: bytes, cost: Argon2) -> bytes:
    kdf = Argon2id(
        salt=salt,
        length=32,
        iterations=cost.iterations,
        lanes=cost.lanes,
        memory_cost=cost.memory,
    )
    return kdf.derive(password.encode())
