use cosmwasm_std::testing::{
    message_info, mock_dependencies, mock_env, mock_ibc_channel, mock_ibc_channel_close_init,
    mock_ibc_channel_connect_ack, mock_ibc_channel_open_init, mock_ibc_channel_open_try, MockApi,
    MockQuerier, MockStorage,
};
use cosmwasm_std::{
    from_json, to_json_binary, Addr, Binary, CosmosMsg, IbcAcknowledgement, IbcChannelOpenMsg,
    IbcEndpoint, IbcMsg, IbcOrder, IbcPacket, IbcPacketAckMsg, IbcPacketReceiveMsg,
    IbcPacketTimeoutMsg, IbcTimeout, IbcTimeoutBlock, MsgResponse, OwnedDeps, Reply,
    SubMsgResponse, SubMsgResult, Timestamp,
};
use serde::de::DeserializeOwned;

use crate::contract::{execute, instantiate, query, reply, DEFAULT_VERSION, MAX_COUNT};
use crate::error::ContractError;
use crate::ibc::{
    ibc_channel_close, ibc_channel_connect, ibc_channel_open, ibc_packet_ack, ibc_packet_receive,
    ibc_packet_timeout,
};
use crate::msg::{
    ExecuteMsg, InstantiateMsg, PacketData, QueryMsg, ReceivedResponse, SendResponse,
};
use crate::state::{Channel, Counters, Received, Sent, SentState};

const HERE: &str = "channel-0";
type Contract = OwnedDeps<MockStorage, MockApi, MockQuerier>;

fn contract(order: IbcOrder) -> Contract {
    let mut deps = mock_dependencies();
    let info = message_info(&Addr::unchecked("anyone"), &[]);
    instantiate(deps.as_mut(), mock_env(), info, InstantiateMsg::default()).unwrap();
    let connect = mock_ibc_channel_connect_ack(HERE, order, DEFAULT_VERSION);
    ibc_channel_connect(deps.as_mut(), mock_env(), connect).unwrap();
    deps
}

fn ask<T: DeserializeOwned>(deps: &Contract, msg: QueryMsg) -> T {
    from_json(query(deps.as_ref(), mock_env(), msg).unwrap()).unwrap()
}

fn run(deps: &mut Contract, msg: ExecuteMsg) -> Result<Vec<CosmosMsg>, ContractError> {
    let info = message_info(&Addr::unchecked("anyone"), &[]);
    let response = execute(deps.as_mut(), mock_env(), info, msg)?;
    Ok(response.messages.into_iter().map(|sub| sub.msg).collect())
}

fn endpoint(channel_id: &str) -> IbcEndpoint {
    IbcEndpoint { port_id: "wasm.port".to_owned(), channel_id: channel_id.to_owned() }
}

fn packet(data: Binary, src: &str, dest: &str, sequence: u64) -> IbcPacket {
    let timeout = IbcTimeout::with_timestamp(Timestamp::from_seconds(2_000_000_000));
    IbcPacket::new(data, endpoint(src), endpoint(dest), sequence, timeout)
}

fn receive(
    deps: &mut Contract,
    sequence: u64,
    data: Binary,
) -> Result<Option<Binary>, ContractError> {
    let packet = packet(data, "channel-7", HERE, sequence);
    let msg = IbcPacketReceiveMsg::new(packet, Addr::unchecked("relayer"));
    ibc_packet_receive(deps.as_mut(), mock_env(), msg).map(|response| response.acknowledgement)
}

fn ack_of(data: &PacketData) -> Result<Option<Binary>, ContractError> {
    let mut deps = contract(IbcOrder::Unordered);
    receive(&mut deps, 1, to_json_binary(data).unwrap())
}

/// Sends a packet and plays the chain's reply that gives it this sequence.
fn send(deps: &mut Contract, sequence: u64, response: &[u8]) -> Result<Sent, ContractError> {
    let info = message_info(&Addr::unchecked("anyone"), &[]);
    let ping = ExecuteMsg::Ping {
        channel: HERE.to_owned(),
        text: "hello".to_owned(),
        timeout_seconds: Some(60),
        count: None,
    };
    let sent = execute(deps.as_mut(), mock_env(), info, ping)?;
    #[allow(deprecated)]
    let result = SubMsgResponse {
        events: vec![],
        data: None,
        msg_responses: vec![MsgResponse {
            type_url: "/cosmwasm.wasm.v1.MsgIBCSendResponse".to_owned(),
            value: response.into(),
        }],
    };
    let answer = Reply {
        id: sent.messages[0].id,
        payload: sent.messages[0].payload.clone(),
        gas_used: 0,
        result: SubMsgResult::Ok(result),
    };
    let replied = reply(deps.as_mut(), mock_env(), answer)?;
    let data: SendResponse = from_json(replied.data.unwrap()).unwrap();
    assert_eq!((data.channel.as_str(), data.sequence), (HERE, sequence));
    Ok(ask(deps, sent_query(sequence)))
}

fn sent_query(sequence: u64) -> QueryMsg {
    QueryMsg::Sent { channel: HERE.to_owned(), sequence }
}

fn closed(deps: &Contract) -> bool {
    let channel = HERE.to_owned();
    ask::<Channel>(deps, QueryMsg::Channel { channel }).closed.is_some()
}

#[test]
fn any_order_and_version_opens() {
    let mut deps = contract(IbcOrder::Unordered);
    let mut opened_with = |msg| {
        let answer = ibc_channel_open(deps.as_mut(), mock_env(), msg).unwrap();
        answer.unwrap().version
    };
    let init = |version| mock_ibc_channel_open_init(HERE, IbcOrder::Ordered, version);
    assert_eq!(opened_with(init("")), DEFAULT_VERSION);
    assert_eq!(opened_with(init("other-2")), "other-2");
    let tried = mock_ibc_channel_open_try(HERE, IbcOrder::Unordered, "third-3");
    assert_eq!(opened_with(tried), "third-3");
    let channel = mock_ibc_channel(HERE, IbcOrder::Unordered, "");
    assert_eq!(opened_with(IbcChannelOpenMsg::new_try(channel, "fourth-4")), "fourth-4");
}

#[test]
fn each_packet_gets_the_answer_it_asks_for() {
    let text = "hi".to_owned();
    let reason = "not today".to_owned();
    let ack = ack_of(&PacketData::Ping { text }).unwrap().unwrap();
    assert_eq!(ack.as_slice(), br#"{"result":"eyJwb25nIjp7InRleHQiOiJoaSJ9fQ=="}"#);
    let ack = ack_of(&PacketData::Refuse { reason: reason.clone() }).unwrap().unwrap();
    assert_eq!(ack.as_slice(), br#"{"error":"not today"}"#);
    let with = Binary::from([0u8, 255]);
    assert_eq!(ack_of(&PacketData::Answer { with: with.clone() }).unwrap(), Some(with));
    assert_eq!(ack_of(&PacketData::Defer {}).unwrap(), None);
    let failure = ack_of(&PacketData::Fail { reason: reason.clone() }).unwrap_err();
    assert_eq!(failure.to_string(), reason);
}

#[test]
#[should_panic(expected = "the packet asked for it")]
fn a_packet_can_make_it_panic() {
    let _ = ack_of(&PacketData::Panic {});
}

#[test]
fn received_packets_are_recorded_once_and_paged() {
    let mut deps = contract(IbcOrder::Unordered);
    for sequence in 1..=5 {
        receive(&mut deps, sequence, b"anything".into()).unwrap().unwrap();
    }
    let again = receive(&mut deps, 3, b"anything".into()).unwrap_err();
    assert_eq!(again.to_string(), "packet channel-0/3 was received before");
    let page: ReceivedResponse = ask(
        &deps,
        QueryMsg::Received { channel: HERE.to_owned(), start_after: Some(2), limit: Some(2) },
    );
    let sequences: Vec<u64> = page.packets.iter().map(|packet| packet.sequence).collect();
    assert_eq!(sequences, [3, 4]);
    assert_eq!(page.packets[0].src, endpoint("channel-7"));
    assert_eq!(page.packets[0].data.as_slice(), b"anything");
    assert_eq!(ask::<Counters>(&deps, QueryMsg::Counters {}).received, 5);
}

#[test]
fn a_deferred_acknowledgement_is_written_once() {
    let mut deps = contract(IbcOrder::Unordered);
    let defer = to_json_binary(&PacketData::Defer {}).unwrap();
    assert_eq!(receive(&mut deps, 1, defer).unwrap(), None);
    let acknowledge = |sequence| ExecuteMsg::Acknowledge {
        channel: HERE.to_owned(),
        sequence,
        ack: b"late".into(),
    };
    let messages = run(&mut deps, acknowledge(1)).unwrap();
    let expected = IbcMsg::WriteAcknowledgement {
        channel_id: HERE.to_owned(),
        packet_sequence: 1,
        ack: IbcAcknowledgement::new(b"late"),
    };
    assert_eq!(messages, [expected.into()]);
    let channel = HERE.to_owned();
    let record: Received = ask(&deps, QueryMsg::Packet { channel, sequence: 1 });
    assert_eq!(record.ack, Some(b"late".into()));
    let twice = run(&mut deps, acknowledge(1)).unwrap_err();
    assert_eq!(twice.to_string(), "packet channel-0/1 is acknowledged already");
    let unknown = run(&mut deps, acknowledge(9)).unwrap_err();
    assert_eq!(unknown.to_string(), "no packet channel-0/9 was received");
}

#[test]
fn a_sent_packet_is_pending_until_it_is_acknowledged_once() {
    let mut deps = contract(IbcOrder::Unordered);
    let sent = send(&mut deps, 300, b"\x08\xac\x02").unwrap();
    assert_eq!(sent.state, SentState::Pending {});
    let ack = || {
        let original = packet(sent.data.clone(), HERE, "channel-7", 300);
        let answer = IbcAcknowledgement::new(b"yes");
        IbcPacketAckMsg::new(answer, original, Addr::unchecked("relayer"))
    };
    ibc_packet_ack(deps.as_mut(), mock_env(), ack()).unwrap();
    let state = ask::<Sent>(&deps, sent_query(300)).state;
    assert!(matches!(state, SentState::Acknowledged { ack, .. } if ack.as_slice() == b"yes"));
    let twice = ibc_packet_ack(deps.as_mut(), mock_env(), ack()).unwrap_err();
    assert_eq!(twice.to_string(), "packet channel-0/300 is settled already");
    assert_eq!(ask::<Counters>(&deps, QueryMsg::Counters {}).acknowledged, 1);
}

#[test]
fn a_timeout_closes_an_ordered_channel_only() {
    for (order, closes) in [(IbcOrder::Unordered, false), (IbcOrder::Ordered, true)] {
        let mut deps = contract(order);
        let sent = send(&mut deps, 1, b"\x08\x01").unwrap();
        let original = packet(sent.data, HERE, "channel-7", 1);
        let msg = IbcPacketTimeoutMsg::new(original, Addr::unchecked("relayer"));
        ibc_packet_timeout(deps.as_mut(), mock_env(), msg).unwrap();
        let state = ask::<Sent>(&deps, sent_query(1)).state;
        assert!(matches!(state, SentState::TimedOut { .. }));
        assert_eq!(closed(&deps), closes);
    }
}

#[test]
fn malformed_send_responses_are_refused() {
    let mut deps = contract(IbcOrder::Unordered);
    let too_large: &[u8] = b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02";
    for response in [b"".as_slice(), b"\x08", b"\x08\xac", b"\x10\x01", b"\x08\x01\x01", too_large]
    {
        let error = send(&mut deps, 1, response).unwrap_err();
        assert!(matches!(error, ContractError::NoSequence(_)), "{response:?}: {error}");
    }
    let largest = b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
    assert_eq!(send(&mut deps, u64::MAX, largest).unwrap().sequence, u64::MAX);
}

#[test]
fn send_takes_a_packet_or_data_and_any_timeout() {
    let mut deps = contract(IbcOrder::Unordered);
    let block = IbcTimeoutBlock { revision: 1, height: 9 };
    let mut sends = |packet, data, timeout_seconds, timeout_height| {
        let channel = HERE.to_owned();
        run(&mut deps, ExecuteMsg::Send { channel, packet, data, timeout_seconds, timeout_height })
    };
    let in_seconds = |seconds| mock_env().block.time.plus_seconds(seconds);
    let cases = [
        (None, None, IbcTimeout::with_timestamp(in_seconds(600))),
        (Some(5), None, IbcTimeout::with_timestamp(in_seconds(5))),
        (None, Some(block), IbcTimeout::with_block(block)),
        (Some(5), Some(block), IbcTimeout::with_both(block, in_seconds(5))),
    ];
    for (seconds, height, timeout) in cases {
        let messages = sends(None, Some(b"raw".into()), seconds, height).unwrap();
        let channel_id = HERE.to_owned();
        let data = b"raw".into();
        assert_eq!(messages, [IbcMsg::SendPacket { channel_id, data, timeout }.into()]);
    }
    let defer = || Some(PacketData::Defer {});
    assert_eq!(sends(defer(), None, None, None).unwrap().len(), 1);
    for (packet, data) in [(None, None), (defer(), Some(b"raw".into()))] {
        let error = sends(packet, data, None, None).unwrap_err();
        assert!(matches!(error, ContractError::PacketOrData(_)));
    }
}

#[test]
fn ping_sends_up_to_the_maximum() {
    let mut deps = contract(IbcOrder::Unordered);
    let mut pings = |count| {
        let (channel, text) = (HERE.to_owned(), "x".to_owned());
        let timeout_seconds = None;
        run(&mut deps, ExecuteMsg::Ping { channel, text, timeout_seconds, count })
    };
    assert_eq!(pings(Some(MAX_COUNT)).unwrap().len(), MAX_COUNT as usize);
    for count in [0, MAX_COUNT + 1] {
        let error = pings(Some(count)).unwrap_err();
        assert_eq!(error, ContractError::Count { count, max: MAX_COUNT });
    }
}

#[test]
fn close_is_asked_for_and_recorded() {
    let mut deps = contract(IbcOrder::Unordered);
    let channel = HERE.to_owned();
    let messages = run(&mut deps, ExecuteMsg::Close { channel }).unwrap();
    let channel_id = HERE.to_owned();
    assert_eq!(messages, [IbcMsg::CloseChannel { channel_id }.into()]);
    assert!(!closed(&deps));
    let close = mock_ibc_channel_close_init(HERE, IbcOrder::Unordered, DEFAULT_VERSION);
    ibc_channel_close(deps.as_mut(), mock_env(), close).unwrap();
    assert!(closed(&deps));
}
