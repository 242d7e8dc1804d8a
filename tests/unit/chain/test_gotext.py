"""Messages as gogoproto shows them in error texts."""

from chain import gotext
from cosmos_pb.cosmos.bank.v1beta1 import tx_pb2 as bank_tx
from cosmos_pb.cosmos.base.v1beta1 import coin_pb2
from cosmos_pb.cosmwasm.wasm.v1 import tx_pb2 as wasm_tx
from cosmos_pb.cosmwasm.wasm.v1 import types_pb2
from cosmos_pb.ibc.applications.transfer.v1 import transfer_pb2


def test_fields_in_the_order_of_their_numbers() -> None:
    """As wasmd 0.61.14 wrote it into a refusal of x/authz."""
    message = bank_tx.MsgSend(
        from_address="a", to_address="b", amount=[coin_pb2.Coin(denom="stake", amount="0")]
    )
    expected = 'from_address:"a" to_address:"b" amount:<denom:"stake" amount:"0" > '
    assert gotext.compact(message) == expected


def test_what_is_not_set_is_not_shown() -> None:
    assert gotext.compact(bank_tx.MsgSend()) == ""


def test_numbers_truth_names_and_lists() -> None:
    message = wasm_tx.MsgStoreAndInstantiateContract(
        unpin_code=True,
        instantiate_permission=types_pb2.AccessConfig(
            permission=types_pb2.ACCESS_TYPE_ANY_OF_ADDRESSES, addresses=["x", "y"]
        ),
    )
    assert gotext.compact(message) == (
        "instantiate_permission:<permission:ACCESS_TYPE_ANY_OF_ADDRESSES "
        'addresses:"x" addresses:"y" > unpin_code:true '
    )
    assert gotext.compact(wasm_tx.MsgPinCodes(code_ids=[1, 2])) == "code_ids:1 code_ids:2 "
    assert gotext.compact(transfer_pb2.Params(send_enabled=True)) == "send_enabled:true "


def test_bytes_and_text_escaped() -> None:
    message = wasm_tx.MsgExecuteContract(contract='ü"\\', msg=b"\x00\n\r\t~\x7f\xff")
    assert gotext.compact(message) == (r'contract:"\303\274\"\\" msg:"\000\n\r\t~\177\377" ')


def test_a_number_without_a_name_is_shown_as_it_is() -> None:
    config = types_pb2.AccessConfig.FromString(b"\x08\x63")
    assert gotext.compact(config) == "permission:99 "
