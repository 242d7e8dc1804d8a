"""cosmpy as its documentation uses it: a ledger client, a wallet, a contract. Runs where cosmpy is installed."""

from typing import Any

from cosmpy.aerial.client import LedgerClient
from cosmpy.aerial.config import NetworkConfig
from cosmpy.aerial.contract import LedgerContract
from cosmpy.aerial.exceptions import (
    BroadcastError,
    InsufficientFeesError,
    NotFoundError,
    OutOfGasError,
)
from cosmpy.aerial.tx import TxFee
from cosmpy.aerial.wallet import LocalWallet
from helpers.steps import refused, settings, step

given = settings()
ledger = LedgerClient(
    NetworkConfig(
        chain_id=given["chainId"],
        url=given["url"],
        fee_minimum_gas_price=0.025,
        fee_denomination="stake",
        staking_denomination="stake",
    ),
    query_interval_secs=given["pollSeconds"],
)
alice = LocalWallet.from_mnemonic(given["mnemonic"], prefix="cosmos")
bob = LocalWallet.generate(prefix="cosmos")


def queries() -> None:
    assert ledger.query_chain_id() == given["chainId"]
    assert ledger.query_block(2).height == 2
    assert ledger.query_height() >= 2
    account = ledger.query_account(alice.address())
    assert (account.number, account.sequence) == (0, 0)
    assert ledger.query_bank_balance(alice.address()) > 0
    coins = ledger.query_bank_all_balances(alice.address())
    assert [coin.denom for coin in coins] == ["gold", "stake"]
    names = sorted(validator.moniker for validator in ledger.query_validators())
    assert names == [f"validator-{number}" for number in range(4)]


def send(amount: int, fee: TxFee | None = None) -> Any:
    submitted = ledger.send_tokens(bob.address(), amount, "stake", alice, fee=fee)
    return submitted.wait_to_complete().response


def send_tokens() -> None:
    sent = send(1234)
    assert (sent.code, sent.gas_used <= sent.gas_wanted) == (0, True)
    assert sent.events["transfer"]["recipient"] == str(bob.address())
    assert ledger.query_bank_balance(bob.address()) == 1234
    assert ledger.query_tx(sent.hash).height == sent.height


def refusals() -> None:
    refused(BroadcastError, "insufficient funds", lambda: send(10**20, TxFee("5000stake", 200_000)))
    cheap = TxFee("1stake", 200_000)
    refused(InsufficientFeesError, "5000stake", lambda: send(1, cheap))
    refused(OutOfGasError, "wanted: 40000", lambda: send(1, TxFee("1000stake", 40_000)))
    refused(NotFoundError, "", lambda: ledger.query_tx("00" * 32))


def deploy() -> LedgerContract:
    contract = LedgerContract(given["token"], ledger)
    holder = {"address": str(alice.address()), "amount": "1000"}
    init = {"name": "Ship", "symbol": "SHIP", "decimals": 6, "initial_balances": [holder]}
    contract.deploy(init, alice, admin_address=alice.address())
    return contract


def found_by_digest() -> None:
    again = LedgerContract(given["token"], ledger)
    assert again.code_id == contract.code_id


def balance() -> Any:
    return contract.query({"balance": {"address": str(bob.address())}})["balance"]


def execute() -> None:
    message = {"transfer": {"recipient": str(bob.address()), "amount": "10"}}
    done = contract.execute(message, alice).wait_to_complete().response
    assert done.events["wasm"]["action"] == "transfer"
    assert balance() == "10"


def upgrade() -> None:
    contract.upgrade({}, alice, given["token"])
    assert balance() == "10"


def contract_refusals() -> None:
    message = {"transfer": {"recipient": str(bob.address()), "amount": "9999"}}
    fee = TxFee("25000stake", 1_000_000)
    refused(
        BroadcastError,
        "Cannot Sub",
        lambda: contract.execute(message, alice, fee=fee).wait_to_complete(),
    )
    refused(Exception, "unknown variant `nothing`", lambda: contract.query({"nothing": {}}))


step("queries: chain, blocks, account, balances, validators", queries)
step("send_tokens with a simulated fee", send_tokens)
step("refusals: funds, fee, gas, an unknown transaction", refusals)
contract = step("LedgerContract.deploy", deploy)
if given["url"].startswith(
    "grpc"
):  # REST shows hashes in hexadecimal, which cosmpy takes for base64
    step("LedgerContract is found by its digest", found_by_digest)
step("LedgerContract.execute and query", execute)
step("LedgerContract.upgrade", upgrade)
step("refusals of a contract", contract_refusals)
