//! The bridge beside the chain: what comes out for what goes in.

use cosmwasm_std::testing::{
    message_info, mock_dependencies, mock_env, mock_ibc_channel_connect_ack, mock_ibc_packet_ack,
    mock_ibc_packet_timeout, MockApi, MockQuerier, MockStorage,
};
use cosmwasm_std::{
    from_json, to_json_binary, Addr, Binary, CosmosMsg, Event, IbcAcknowledgement, IbcEndpoint,
    IbcMsg, IbcOrder, IbcPacket, IbcPacketReceiveMsg, IbcTimeout, MsgResponse, OwnedDeps, Reply,
    SubMsgResponse, SubMsgResult, Timestamp, Uint128, WasmMsg,
};
use cw20::{Cw20ExecuteMsg, Cw20ReceiveMsg};
use cw20_ics20::ibc::{Ics20Ack, Ics20Packet};
use cw20_ics20::msg::{ExecuteMsg, TransferMsg};

use crate::contract::{execute, instantiate, query};
use crate::error::ContractError;
use crate::ibc::{
    ibc_channel_connect, ibc_packet_ack, ibc_packet_receive, ibc_packet_timeout, reply,
};
use crate::msg::{InstantiateMsg, QueryMsg, VoucherResponse};

type Deps = OwnedDeps<MockStorage, MockApi, MockQuerier>;

const CHANNEL: &str = "channel-1234"; // what cosmwasm-std's mocks connect
const OURS: &str = "my_port";
const THEIRS: &str = "their_port";
const THEIR_CHANNEL: &str = "channel-9876";
const PATH: &str = "my_port/channel-1234/cw20:far";

fn setup() -> Deps {
    let mut deps = mock_dependencies();
    let admin = deps.api.addr_make("admin");
    let msg = InstantiateMsg {
        default_timeout: 60,
        gov_contract: admin.to_string(),
        allowlist: vec![],
        default_gas_limit: Some(400_000),
        voucher_code_id: 7,
    };
    instantiate(deps.as_mut(), mock_env(), message_info(&admin, &[]), msg).unwrap();
    let connect = mock_ibc_channel_connect_ack(CHANNEL, IbcOrder::Unordered, "ics20-1");
    ibc_channel_connect(deps.as_mut(), mock_env(), connect).unwrap();
    deps
}

fn incoming(denom: &str, amount: u128, receiver: &str) -> IbcPacketReceiveMsg {
    let data = Ics20Packet::new(Uint128::new(amount), denom, "far-sender", receiver);
    let theirs = IbcEndpoint { port_id: THEIRS.into(), channel_id: THEIR_CHANNEL.into() };
    let ours = IbcEndpoint { port_id: OURS.into(), channel_id: CHANNEL.into() };
    let timeout = IbcTimeout::with_timestamp(Timestamp::from_seconds(1));
    let packet = IbcPacket::new(to_json_binary(&data).unwrap(), theirs, ours, 3, timeout);
    IbcPacketReceiveMsg::new(packet, Addr::unchecked("relayer"))
}

fn error_of(ack: &Binary) -> Option<String> {
    match from_json(ack).unwrap() {
        Ics20Ack::Error(text) => Some(text),
        Ics20Ack::Result(_) => None,
    }
}

/// The first arrival of a token, and the reply that makes its voucher known.
fn first_arrival(deps: &mut Deps) -> Addr {
    let response =
        ibc_packet_receive(deps.as_mut(), mock_env(), incoming("cw20:far", 100, "alice")).unwrap();
    let sub = &response.messages[0];
    assert!(matches!(&sub.msg, CosmosMsg::Wasm(WasmMsg::Instantiate { code_id: 7, .. })));
    let voucher = deps.api.addr_make("voucher");
    let mut answer = vec![10, voucher.as_str().len() as u8]; // protobuf: field 1, the address
    answer.extend(voucher.as_bytes());
    #[allow(deprecated)]
    let made = SubMsgResponse {
        events: Vec::<Event>::new(),
        data: None,
        msg_responses: vec![MsgResponse {
            type_url: "/cosmwasm.wasm.v1.MsgInstantiateContractResponse".into(),
            value: answer.into(),
        }],
    };
    let result = SubMsgResult::Ok(made);
    let told = Reply { id: sub.id, payload: sub.payload.clone(), gas_used: 0, result };
    assert_eq!(reply(deps.as_mut(), mock_env(), told).unwrap().data, None);
    voucher
}

fn call_of(msg: &CosmosMsg) -> (String, Cw20ExecuteMsg) {
    match msg {
        CosmosMsg::Wasm(WasmMsg::Execute { contract_addr, msg, .. }) => {
            (contract_addr.clone(), from_json(msg).unwrap())
        }
        other => panic!("no call: {other:?}"),
    }
}

fn send_back(
    deps: &mut Deps,
    voucher: &Addr,
    channel: &str,
) -> Result<Vec<CosmosMsg>, ContractError> {
    let wish = TransferMsg {
        channel: channel.into(),
        remote_address: "far-sender".into(),
        timeout: None,
        memo: None,
    };
    let sender = deps.api.addr_make("alice").to_string();
    let msg = to_json_binary(&wish).unwrap();
    let wrapper = Cw20ReceiveMsg { sender, amount: Uint128::new(40), msg };
    let info = message_info(voucher, &[]);
    let done = execute(deps.as_mut(), mock_env(), info, ExecuteMsg::Receive(wrapper))?;
    Ok(done.messages.into_iter().map(|sub| sub.msg).collect())
}

#[test]
fn the_first_arrival_makes_a_voucher_and_the_second_mints() {
    let mut deps = setup();
    let voucher = first_arrival(&mut deps);
    let asked = QueryMsg::Voucher { path: PATH.into() };
    let found: Option<VoucherResponse> =
        from_json(query(deps.as_ref(), mock_env(), asked).unwrap()).unwrap();
    assert_eq!(found.unwrap().contract, voucher);

    let second = incoming("cw20:far", 5, "bob");
    let response = ibc_packet_receive(deps.as_mut(), mock_env(), second).unwrap();
    let (contract, call) = call_of(&response.messages[0].msg);
    assert_eq!(contract, voucher.to_string());
    let amount = Uint128::new(5);
    assert_eq!(call, Cw20ExecuteMsg::Mint { recipient: "bob".into(), amount });
    assert_eq!(error_of(&response.acknowledgement.unwrap()), None);
}

#[test]
fn a_voucher_that_cannot_be_given_is_an_error_acknowledgement() {
    let mut deps = setup();
    for id in [20_001, 20_002] {
        let result = SubMsgResult::Err("no such receiver".into());
        let told = Reply { id, payload: PATH.as_bytes().into(), gas_used: 0, result };
        let data = reply(deps.as_mut(), mock_env(), told).unwrap().data.unwrap();
        assert_eq!(error_of(&data), Some("no such receiver".into()));
    }
    let asked = QueryMsg::Voucher { path: PATH.into() };
    let found: Option<VoucherResponse> =
        from_json(query(deps.as_ref(), mock_env(), asked).unwrap()).unwrap();
    assert_eq!(found, None);
}

#[test]
fn a_voucher_goes_home_over_its_channel_only() {
    let mut deps = setup();
    let voucher = first_arrival(&mut deps);
    let messages = send_back(&mut deps, &voucher, CHANNEL).unwrap();
    let (contract, call) = call_of(&messages[0]);
    assert_eq!(contract, voucher.to_string());
    assert_eq!(call, Cw20ExecuteMsg::Burn { amount: Uint128::new(40) });
    match &messages[1] {
        CosmosMsg::Ibc(IbcMsg::SendPacket { channel_id, data, .. }) => {
            assert_eq!(channel_id, CHANNEL);
            let packet: Ics20Packet = from_json(data).unwrap();
            assert_eq!(packet.denom, PATH);
        }
        other => panic!("no packet: {other:?}"),
    }
    let refused = send_back(&mut deps, &voucher, "channel-2").unwrap_err();
    let expected = ContractError::OtherChannel { own: CHANNEL.into(), asked: "channel-2".into() };
    assert_eq!(refused, expected);
}

#[test]
fn a_voucher_that_does_not_arrive_is_minted_again() {
    let mut deps = setup();
    let voucher = first_arrival(&mut deps);
    let sender = deps.api.addr_make("alice").to_string();
    let data = Ics20Packet::new(Uint128::new(40), PATH, &sender, "far-sender");
    let timeout = mock_ibc_packet_timeout(CHANNEL, &data).unwrap();
    let failed = IbcAcknowledgement::encode_json(&Ics20Ack::Error("no".into())).unwrap();
    let ack = mock_ibc_packet_ack(CHANNEL, &data, failed).unwrap();
    let late = ibc_packet_timeout(deps.as_mut(), mock_env(), timeout).unwrap();
    let refused = ibc_packet_ack(deps.as_mut(), mock_env(), ack).unwrap();
    for response in [late, refused] {
        let (contract, call) = call_of(&response.messages[0].msg);
        assert_eq!(contract, voucher.to_string());
        let amount = Uint128::new(40);
        assert_eq!(call, Cw20ExecuteMsg::Mint { recipient: sender.clone(), amount });
    }
}

#[test]
fn nobody_takes_home_more_than_left() {
    let mut deps = setup();
    let ours = format!("{THEIRS}/{THEIR_CHANNEL}/cw20:token");
    let forged = incoming(&ours, 1, "thief");
    let response = ibc_packet_receive(deps.as_mut(), mock_env(), forged).unwrap();
    assert!(response.messages.is_empty());
    assert!(error_of(&response.acknowledgement.unwrap()).unwrap().contains("Insufficient funds"));
}

#[test]
fn nothing_and_nonsense_are_refused() {
    let mut deps = setup();
    let nothing = incoming("cw20:far", 0, "alice");
    let response = ibc_packet_receive(deps.as_mut(), mock_env(), nothing).unwrap();
    assert_eq!(error_of(&response.acknowledgement.unwrap()), Some("no tokens were sent".into()));
    let mut nonsense = incoming("cw20:far", 1, "alice");
    nonsense.packet.data = b"nonsense".into();
    let response = ibc_packet_receive(deps.as_mut(), mock_env(), nonsense).unwrap();
    assert!(error_of(&response.acknowledgement.unwrap()).is_some());
}
