//! Everything a contract can do to hurt the chain that runs it, one message each.
//! A call ends in out of gas, a trap or a refusal by the host, and costs nobody but its sender.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};

use cosmwasm_std::{
    entry_point, to_json_binary, Binary, Deps, DepsMut, Empty, Env, MessageInfo, Order,
    QueryRequest, Reply, Response, StdError, StdResult, SubMsg, WasmMsg, WasmQuery,
};
use serde::{Deserialize, Serialize};

const MIB: usize = 1 << 20;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ExecuteMsg {
    /// Spins without end: out of gas.
    LoopForever {},
    /// Calls itself in WebAssembly, `depth` times or without end: the engine's call stack.
    Recurse { depth: Option<u64> },
    /// The same with large frames: the contract's own stack in linear memory.
    OverflowStack {},
    /// Takes memory and touches it until `memory.grow` refuses.
    AllocateAll {},
    /// Panics: `abort` with the message.
    Panic { message: Option<String> },
    /// Executes the `unreachable` instruction.
    Unreachable {},
    /// Returns an error.
    Fail { reason: String },
    /// Writes new keys without end.
    FillStorage {},
    /// Writes one entry with a key and a value of these sizes in bytes.
    Store { key_len: usize, value_len: usize },
    /// Opens iterators without end.
    OpenIterators {},
    /// Sends the host debug messages without end.
    Debug {},
    /// Returns a message to itself that does the same.
    MessageLoop {},
    /// As `message_loop`, from the reply.
    ReplyLoop {},
    /// Runs the `query_loop` query.
    QueryLoop {},
    /// Answers with one attribute of this many bytes.
    HugeResult { bytes: usize },
    /// Answers with this many attributes.
    ManyAttributes { count: usize },
    /// Counts calls in a global variable; a new instance for every call means it is always 1.
    Remember {},
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum QueryMsg {
    LoopForever {},
    Recurse {
        depth: Option<u64>,
    },
    AllocateAll {},
    Panic {
        message: Option<String>,
    },
    /// Queries itself without end.
    QueryLoop {},
    /// Answers with this many bytes.
    HugeResult {
        bytes: usize,
    },
}

#[entry_point]
pub fn instantiate(_: DepsMut, _: Env, _: MessageInfo, _: Empty) -> StdResult<Response> {
    Ok(Response::new())
}

#[entry_point]
pub fn migrate(_: DepsMut, _: Env, _: Empty) -> StdResult<Response> {
    Ok(Response::new())
}

#[entry_point]
pub fn execute(deps: DepsMut, env: Env, _: MessageInfo, msg: ExecuteMsg) -> StdResult<Response> {
    match msg {
        ExecuteMsg::LoopForever {} => loop_forever(),
        ExecuteMsg::Recurse { depth } => Ok(deep(recurse(0, depth.unwrap_or(u64::MAX)))),
        ExecuteMsg::OverflowStack {} => Ok(deep(overflow_stack(0))),
        ExecuteMsg::AllocateAll {} => allocate_all(),
        ExecuteMsg::Panic { message } => panic_with(message),
        ExecuteMsg::Unreachable {} => unreachable_instruction(),
        ExecuteMsg::Fail { reason } => Err(StdError::generic_err(reason)),
        ExecuteMsg::FillStorage {} => fill_storage(deps),
        ExecuteMsg::Store { key_len, value_len } => {
            deps.storage.set(&vec![b'k'; key_len], &vec![b'v'; value_len]);
            Ok(Response::new())
        }
        ExecuteMsg::OpenIterators {} => loop {
            let _ = black_box(deps.storage.range(None, None, Order::Ascending));
        },
        ExecuteMsg::Debug {} => loop {
            deps.api.debug("still here");
        },
        ExecuteMsg::MessageLoop {} => {
            Ok(Response::new().add_message(to_itself(&env, &ExecuteMsg::MessageLoop {})?))
        }
        ExecuteMsg::ReplyLoop {} => reply_loop(&env),
        ExecuteMsg::QueryLoop {} => {
            query_loop(deps.as_ref(), &env)?;
            Ok(Response::new())
        }
        ExecuteMsg::HugeResult { bytes } => {
            Ok(Response::new().add_attribute("huge", "x".repeat(bytes)))
        }
        ExecuteMsg::ManyAttributes { count } => {
            Ok(Response::new().add_attributes((0..count).map(|i| ("n", i.to_string()))))
        }
        ExecuteMsg::Remember {} => {
            static CALLS: AtomicU64 = AtomicU64::new(0);
            let calls = CALLS.fetch_add(1, Ordering::Relaxed) + 1;
            Ok(Response::new().add_attribute("calls", calls.to_string()))
        }
    }
}

#[entry_point]
pub fn reply(_: DepsMut, env: Env, _: Reply) -> StdResult<Response> {
    reply_loop(&env)
}

#[entry_point]
pub fn query(deps: Deps, env: Env, msg: QueryMsg) -> StdResult<Binary> {
    match msg {
        QueryMsg::LoopForever {} => loop_forever(),
        QueryMsg::Recurse { depth } => to_json_binary(&recurse(0, depth.unwrap_or(u64::MAX))),
        QueryMsg::AllocateAll {} => allocate_all(),
        QueryMsg::Panic { message } => panic_with(message),
        QueryMsg::QueryLoop {} => query_loop(deps, &env),
        QueryMsg::HugeResult { bytes } => Ok(vec![b'x'; bytes].into()),
    }
}

fn deep(result: u64) -> Response {
    Response::new().add_attribute("deep", result.to_string())
}

fn loop_forever() -> ! {
    let mut n = 0u64;
    loop {
        n = black_box(n).wrapping_add(1);
    }
}

/// Keeps its state in WebAssembly locals only. The result of the inner call is used in a way that
/// no compiler turns into a loop.
#[inline(never)]
fn recurse(n: u64, depth: u64) -> u64 {
    if n == depth {
        return n;
    }
    recurse(n + 1, depth).rotate_left((n % 63) as u32) ^ n
}

#[allow(unconditional_recursion)]
#[inline(never)]
fn overflow_stack(n: u64) -> u64 {
    let frame = black_box([n; 512]);
    overflow_stack(frame[511] + 1) ^ black_box(frame)[0]
}

fn allocate_all() -> ! {
    let mut taken: Vec<Vec<u8>> = Vec::new();
    loop {
        taken.push(black_box(vec![1u8; MIB]));
    }
}

fn panic_with(message: Option<String>) -> ! {
    panic!("{}", message.as_deref().unwrap_or("on purpose"))
}

#[cfg(target_arch = "wasm32")]
fn unreachable_instruction() -> ! {
    core::arch::wasm32::unreachable()
}

#[cfg(not(target_arch = "wasm32"))]
fn unreachable_instruction() -> ! {
    std::process::abort()
}

fn fill_storage(deps: DepsMut) -> ! {
    let mut n = 0u64;
    loop {
        deps.storage.set(&n.to_be_bytes(), &[0x55; 1024]);
        n += 1;
    }
}

fn to_itself(env: &Env, msg: &ExecuteMsg) -> StdResult<WasmMsg> {
    Ok(WasmMsg::Execute {
        contract_addr: env.contract.address.to_string(),
        msg: to_json_binary(msg)?,
        funds: vec![],
    })
}

fn reply_loop(env: &Env) -> StdResult<Response> {
    let again = to_itself(env, &ExecuteMsg::Remember {})?;
    Ok(Response::new().add_submessage(SubMsg::reply_always(again, 0)))
}

fn query_loop(deps: Deps, env: &Env) -> StdResult<Binary> {
    let again: QueryRequest<Empty> = QueryRequest::Wasm(WasmQuery::Smart {
        contract_addr: env.contract.address.to_string(),
        msg: to_json_binary(&QueryMsg::QueryLoop {})?,
    });
    deps.querier.query(&again)
}
