"""A contract that says what it is told to say: its tests write the contract's results themselves.

``execute`` and ``query`` answer with the very bytes of their message, so that a test says word for word what the
contract returns. ``instantiate`` keeps its message, and ``reply`` answers with that. ``migrate`` sends its message to
the chain as a query. What came in lies in the contract's storage, under the names of the parameters.
"""

from __future__ import annotations

import base64
import json
from typing import Any, Final

import wasmtime
from helpers.accounts import Person
from helpers.regions import REGIONS
from helpers.wasm import ALICE, WasmChain

from cosmos_pb.cosmos.base.v1beta1 import coin_pb2
from cosmos_pb.cosmwasm.wasm.v1 import query_pb2, tx_pb2
from cosmos_pb.tendermint.abci import types_pb2 as abci

SILENT: Final[dict[str, Any]] = {"ok": {"messages": [], "attributes": [], "events": []}}

_TEXT = """
(module
  (import "env" "db_read" (func $read (param i32) (result i32)))
  (import "env" "db_write" (func $write (param i32 i32)))
  (import "env" "query_chain" (func $ask (param i32) (result i32)))
  (memory (export "memory") 64)
  (global $top (mut i32) (i32.const 4096))

  (data (i32.const 112) "answer")
  (data (i32.const 16) "reply")
  (data (i32.const 32) "asked")
  (data (i32.const 48) "env")
  (data (i32.const 64) "info")
  (data (i32.const 80) "migrate_info")
  (data (i32.const 96) "{\\"ok\\":{}}")

  REGIONS

  (func $nothing (result i32) (call $region (i32.const 96) (i32.const 9)))

  (func (export "instantiate") (param $env i32) (param $info i32) (param $message i32) (result i32)
    (call $write (call $region (i32.const 112) (i32.const 6)) (local.get $message))
    (call $nothing))

  (func (export "execute") (param $env i32) (param $info i32) (param $message i32) (result i32)
    (call $write (call $region (i32.const 48) (i32.const 3)) (local.get $env))
    (call $write (call $region (i32.const 64) (i32.const 4)) (local.get $info))
    (local.get $message))

  (func (export "reply") (param $env i32) (param $reply i32) (result i32)
    (call $write (call $region (i32.const 16) (i32.const 5)) (local.get $reply))
    (call $read (call $region (i32.const 112) (i32.const 6))))

  (func (export "migrate") (param $env i32) (param $message i32) (param $info i32) (result i32)
    (call $write (call $region (i32.const 80) (i32.const 12)) (local.get $info))
    (call $write (call $region (i32.const 32) (i32.const 5)) (call $ask (local.get $message)))
    (call $nothing))

  (func (export "query") (param $env i32) (param $message i32) (result i32)
    (local.get $message))
)
""".replace("REGIONS", REGIONS)

CODE: Final = bytes(wasmtime.wat2wasm(_TEXT))

IBC2: Final = {
    "ibc2_packet_send": "sent",
    "ibc2_packet_receive": "received",
    "ibc2_packet_ack": "acknowledged",
    "ibc2_packet_timeout": "timed out",
}
"""The entry points of IBC v2, and under which names what came in lies in the storage."""


def _entry(number: int, entry: str, name: str) -> str:
    """Keeps its message, and answers as ``reply`` does."""
    at = 128 + 16 * number
    return f"""
  (data (i32.const {at}) "{name}")
  (func (export "{entry}") (param $env i32) (param $message i32) (result i32)
    (call $write (call $region (i32.const {at}) (i32.const {len(name)})) (local.get $message))
    (call $read (call $region (i32.const 112) (i32.const 6))))"""


_ENTRIES = "".join(_entry(number, *pair) for number, pair in enumerate(IBC2.items()))

IBC2_CODE: Final = bytes(wasmtime.wat2wasm(f"{_TEXT.rstrip().removesuffix(')')}{_ENTRIES})"))
"""The same with the entry points of IBC v2, which all answer with the message of ``instantiate``."""


class Puppet:
    """One such contract, with ``alice`` as its admin."""

    def __init__(self, chain: WasmChain, code_id: int, *, answer: Any = SILENT) -> None:
        self.chain = chain
        self.code_id = code_id
        self.address = chain.instantiate(code_id, answer, admin=ALICE)

    def says(self, result: Any, **fields: Any) -> abci.ExecTxResult:
        """Execute the contract with exactly this result."""
        return self.chain.execute(self.address, result, **fields)

    def sends(self, *messages: Any, **fields: Any) -> abci.ExecTxResult:
        """Have the contract return these sub-messages."""
        return self.says({"ok": {"messages": list(messages), "data": b64(b"own")}}, **fields)

    def asks(self, request: Any) -> Any:
        """What the chain answers to the contract's query: (system result, then contract result)."""
        result = self.migrate(request)
        assert result.code == 0, result.log
        return json.loads(self.stored("asked"))

    def migrate(self, request: Any) -> abci.ExecTxResult:
        """Have the contract make a query."""
        made = tx_pb2.MsgMigrateContract(
            sender=ALICE.address,
            contract=self.address,
            code_id=self.code_id,
            msg=json.dumps(request).encode(),
        )
        return self.chain.run(made)

    def learns(self, request: Any) -> Any:
        """The JSON that the chain answers to a query that succeeds."""
        return json.loads(base64.b64decode(self.asks(request)["ok"]["ok"]))

    def stored(self, name: str) -> bytes:
        request = query_pb2.QueryRawContractStateRequest(
            address=self.address, query_data=name.encode()
        )
        answer = self.chain.query("/cosmwasm.wasm.v1.Query/RawContractState", request)
        assert answer.code == 0, answer.log
        return query_pb2.QueryRawContractStateResponse.FromString(answer.value).data

    @property
    def reply(self) -> Any:
        """The last reply that the contract got."""
        return json.loads(self.stored("reply"))


def sub(message: Any, reply_on: str = "never", number: int = 7, **fields: Any) -> dict[str, Any]:
    """A sub-message."""
    return {"id": number, "msg": message, "reply_on": reply_on, **fields}


def executes(contract: str, result: Any, *, amount: int = 0) -> dict[str, Any]:
    """A message to a puppet, with its result and an amount of stake."""
    funds = [{"denom": "stake", "amount": str(amount)}] if amount else []
    body = {"contract_addr": contract, "msg": b64(json.dumps(result).encode()), "funds": funds}
    return {"wasm": {"execute": body}}


def pays(to: Person, amount: int, denom: str = "stake") -> dict[str, Any]:
    amounts = [{"denom": denom, "amount": str(amount)}]
    return {"bank": {"send": {"to_address": to.address, "amount": amounts}}}


def coin(amount: int, denom: str = "stake") -> coin_pb2.Coin:
    return coin_pb2.Coin(denom=denom, amount=str(amount))


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()
