// interchainjs as its documentation uses it: a signer, a query client and the helpers of each module.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { refused, settings, step } from "./steps.mjs";

// Its ES modules leave out file extensions, for bundlers; Node.js takes its CommonJS.
const require = createRequire(import.meta.url);
const { AminoSigner, DirectSigner, Secp256k1HDWallet, createCosmosQueryClient } = require("@interchainjs/cosmos");
const { HDPath } = require("@interchainjs/types");
const { getAccount } = require("interchainjs/cosmos/auth/v1beta1/query.rpc.func");
const { getAllBalances, getBalance } = require("interchainjs/cosmos/bank/v1beta1/query.rpc.func");
const { send } = require("interchainjs/cosmos/bank/v1beta1/tx.rpc.func");
const { getContractsByCode, getSmartContractState } = require("interchainjs/cosmwasm/wasm/v1/query.rpc.func");
const { executeContract, instantiateContract, storeCode } = require("interchainjs/cosmwasm/wasm/v1/tx.rpc.func");

const { rpc, chainId, mnemonic, token, receiver } = settings;
const bytes = (value) => new TextEncoder().encode(JSON.stringify(value));
const stake = (amount) => [{ denom: "stake", amount: String(amount) }];
const fee = (gas) => ({ amount: stake(gas / 40), gas: String(gas) });

const queries = await step("createCosmosQueryClient", async () => {
  const client = await createCosmosQueryClient(rpc);
  assert.equal((await client.getStatus()).nodeInfo.network, chainId);
  return client;
});
const wallet = await Secp256k1HDWallet.fromMnemonic(mnemonic, {
  derivations: [{ prefix: "cosmos", hdPath: HDPath.cosmos(0, 0, 0).toString() }],
});
const config = { chainId, queryClient: queries, addressPrefix: "cosmos" };
const signer = new DirectSigner(wallet, config);
const [alice] = await signer.getAddresses();
const event = (result, type, key) =>
  result.events.find((each) => each.type === type).attributes.find((each) => each.key === key).value;
const done = async (response) => {
  const result = await response.wait(20_000, 100);
  assert.equal(result.code, 0, result.rawLog);
  return result;
};

// Queries

await step("queries: an account, balances, a block, the validators", async () => {
  const { account } = await getAccount(queries, { address: alice });
  assert.equal(account.address, alice);
  const { balances } = await getAllBalances(queries, { address: alice, resolveDenom: false });
  assert.deepEqual(balances.map((coin) => coin.denom), ["gold", "stake"]);
  assert.equal((await queries.getBlock(2)).header.chainId, chainId);
  assert.equal((await queries.getValidators(2)).validators.length, 4);
});

// Bank

const received = async () => (await getBalance(queries, { address: receiver, denom: "stake" })).balance.amount;
const sent = await step("send", async () => {
  const message = { fromAddress: alice, toAddress: receiver, amount: stake(1000) };
  const result = await done(await send(signer, alice, message, fee(200_000), "hello"));
  assert.equal(await received(), "1000");
  return result;
});
await step("signAndBroadcast with a fee from simulation", async () => {
  const automatic = new DirectSigner(wallet, { ...config, gasPrice: "0.025stake", multiplier: 1.6 });
  const value = { fromAddress: alice, toAddress: receiver, amount: stake(234) };
  const messages = [{ typeUrl: "/cosmos.bank.v1beta1.MsgSend", value }];
  automatic.addEncoders(signer.encoders);
  await done(await automatic.signAndBroadcast({ messages }));
  assert.equal(await received(), "1234");
});
await step("sending too much fails in the block with code 5", async () => {
  const message = { fromAddress: alice, toAddress: receiver, amount: stake("9".repeat(20)) };
  const result = await (await send(signer, alice, message, fee(200_000), "")).wait(20_000, 100);
  assert.equal(result.code, 5);
  assert.match(result.rawLog, /insufficient funds/);
});
await step("a fee below the price is refused by the mempool", async () => {
  const message = { fromAddress: alice, toAddress: receiver, amount: stake(1) };
  const response = await send(signer, alice, message, { amount: stake(1), gas: "200000" }, "");
  await refused(() => response.wait(), "broadcast failed with code 13");
});
await step("getTx, searchTxs", async () => {
  assert.equal((await queries.getTx(sent.txhash)).txResult.code, 0);
  const found = await queries.searchTxs({ query: `transfer.recipient='${receiver}'` });
  assert.equal(found.totalCount, 2);
});

// Contracts

const contract = await step("storeCode, instantiateContract", async () => {
  const wasmByteCode = new Uint8Array(readFileSync(token));
  const stored = await done(await storeCode(signer, alice, { sender: alice, wasmByteCode }, fee(6_000_000), ""));
  const codeId = BigInt(event(stored, "store_code", "code_id"));
  const init = { name: "Ship", symbol: "SHIP", decimals: 6, initial_balances: [{ address: alice, amount: "1000" }] };
  const message = { sender: alice, admin: alice, codeId, label: "ship", msg: bytes(init), funds: [] };
  const made = await done(await instantiateContract(signer, alice, message, fee(600_000), ""));
  const address = event(made, "instantiate", "_contract_address");
  assert.deepEqual((await getContractsByCode(queries, { codeId })).contracts, [address]);
  return address;
});
const balance = async () => {
  const queryData = bytes({ balance: { address: receiver } });
  const { data } = await getSmartContractState(queries, { address: contract, queryData });
  return JSON.parse(new TextDecoder().decode(data)).balance;
};
const execute = (by) => {
  const msg = bytes({ transfer: { recipient: receiver, amount: "10" } });
  return executeContract(by, alice, { sender: alice, contract, msg, funds: [] }, fee(600_000), "");
};
await step("executeContract, getSmartContractState", async () => {
  await done(await execute(signer));
  assert.equal(await balance(), "10");
});

// SIGN_MODE_LEGACY_AMINO_JSON

const legacy = new AminoSigner(wallet, config);
await step("AminoSigner: send", async () => {
  const message = { fromAddress: alice, toAddress: receiver, amount: stake(6) };
  await done(await send(legacy, alice, message, fee(200_000), "amino"));
  assert.equal(await received(), "1240");
});
process.exit(0);
