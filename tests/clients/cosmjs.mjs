// CosmJS as its documentation uses it: a dApp's life on a chain with another chain behind a relayer.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { Secp256k1HdWallet } from "@cosmjs/amino";
import { SigningCosmWasmClient, instantiate2Address } from "@cosmjs/cosmwasm-stargate";
import { sha256 } from "@cosmjs/crypto";
import { fromHex, toHex, toUtf8 } from "@cosmjs/encoding";
import { DirectSecp256k1HdWallet } from "@cosmjs/proto-signing";
import { GasPrice, SigningStargateClient, StargateClient, assertIsDeliverTxSuccess, calculateFee } from "@cosmjs/stargate";
import { connectComet } from "@cosmjs/tendermint-rpc";
import { refused, settings, step, until } from "./steps.mjs";

const { rpc, otherRpc, chainId, mnemonic, token, channel } = settings;
const { TxRaw } = createRequire(import.meta.url)("cosmjs-types/cosmos/tx/v1beta1/tx");
const gasPrice = GasPrice.fromString("0.025stake");
const options = { gasPrice, broadcastPollIntervalMs: 100 };
const cheap = calculateFee(200_000, gasPrice); // for small messages, where "auto" leaves out what paying a fee costs
const stake = (amount) => ({ denom: "stake", amount: String(amount) });
const fresh = async () => {
  const wallet = await DirectSecp256k1HdWallet.generate(12, { prefix: "cosmos" });
  const [{ address }] = await wallet.getAccounts();
  return address;
};

const wallet = await DirectSecp256k1HdWallet.fromMnemonic(mnemonic, { prefix: "cosmos" });
const [{ address: alice }] = await wallet.getAccounts();
const bob = await fresh();

const client = await step("connectWithSigner", () => SigningCosmWasmClient.connectWithSigner(rpc, wallet, options));
const comet = await step("connectComet chooses the client of CometBFT 0.38", async () => {
  const found = await connectComet(rpc);
  assert.equal(found.constructor.name, "Comet38Client");
  return found;
});

await step("query the chain, an account, balances", async () => {
  assert.equal(await client.getChainId(), chainId);
  assert.equal((await client.getAccount(alice)).address, alice);
  assert.equal(await client.getAccount(bob), null);
  assert.ok(BigInt((await client.getBalance(alice, "stake")).amount) > 0n);
  assert.equal((await client.getBalance(alice, "nothing")).amount, "0");
  const all = await (await StargateClient.connect(rpc)).getAllBalances(alice);
  assert.deepEqual(all.map((coin) => coin.denom), ["gold", "stake"]);
});

// Bank

const send = (amount) => ({
  typeUrl: "/cosmos.bank.v1beta1.MsgSend",
  value: { fromAddress: alice, toAddress: bob, amount: [stake(amount)] },
});

const sent = await step("simulate gas, and send with what it says", async () => {
  const gas = await client.simulate(alice, [send(1000)], "");
  const result = await client.signAndBroadcast(alice, [send(1000)], calculateFee(Math.ceil(gas * 1.3), gasPrice), "hello");
  assertIsDeliverTxSuccess(result);
  assert.ok(result.gasUsed > gas, "paying the fee costs gas that a simulation without a fee does not see");
  assert.equal((await client.getBalance(bob, "stake")).amount, "1000");
  return result;
});
await step("sendTokens with an automatic fee", async () => {
  assertIsDeliverTxSuccess(await client.sendTokens(alice, bob, [stake(234)], "auto"));
  assert.equal((await client.getBalance(bob, "stake")).amount, "1234");
});
await step("sending too much fails in simulation", () =>
  refused(() => client.sendTokens(alice, bob, [stake("9".repeat(20))], "auto"), "insufficient funds"));
await step("sending too much fails in the block with code 5", async () => {
  const result = await client.sendTokens(alice, bob, [stake("9".repeat(20))], cheap);
  assert.equal(result.code, 5);
  assert.match(result.rawLog, /spendable balance .* is smaller than 9{20}stake: insufficient funds/);
});
const signedFor = async (signer, chain) => {
  const account = await signer.getSequence(alice);
  const signed = await signer.sign(alice, [send(1)], cheap, "", { ...account, chainId: chain });
  return await signer.broadcastTx(TxRaw.encode(signed).finish());
};
const WRONG = /code 4 \(codespace: sdk\).*signature verification failed.*unauthorized/;
await step("a signature for another chain is refused", () => refused(() => signedFor(client, "another-1"), WRONG));
await step("a fee below the price is refused by the mempool", () =>
  refused(() => client.sendTokens(alice, bob, [stake(1)], { amount: [stake(1)], gas: "200000" }), /code 13 \(codespace: sdk\).*insufficient fee/));

// Transactions and blocks

await step("getTx, getBlock", async () => {
  const found = await client.getTx(sent.transactionHash);
  assert.deepEqual([found.height, found.hash, found.code], [sent.height, sent.transactionHash, 0]);
  const block = await client.getBlock(sent.height);
  assert.equal(toHex(sha256(block.txs[0])).toUpperCase(), sent.transactionHash);
  assert.equal(await client.getTx("00".repeat(32)), null);
});
await step("searchTx by events and by height", async () => {
  const received = await client.searchTx([{ key: "transfer.recipient", value: bob }]);
  assert.deepEqual(received.map((tx) => tx.code), [0, 0]);
  assert.equal(received[0].hash, sent.transactionHash);
  assert.equal((await client.searchTx(`transfer.recipient='${bob}' AND tx.height=${sent.height}`)).length, 1);
});
await step("commit, validators, results, a proof", async () => {
  const { canonical, header } = await comet.commit(sent.height);
  assert.deepEqual([canonical, header.chainId], [true, chainId]);
  assert.equal((await comet.validatorsAll(sent.height)).validators.length, 4);
  assert.equal((await comet.blockResults(sent.height)).results[0].code, 0);
  const { proof } = await comet.abciQuery({ path: "/store/bank/key", data: toUtf8("none"), prove: true, height: sent.height });
  assert.deepEqual(proof.ops.map((op) => op.type), ["ics23:iavl", "ics23:simple"]);
});

// Contracts

const wasm = readFileSync(token);
const init = { name: "Ship", symbol: "SHIP", decimals: 6, initial_balances: [{ address: alice, amount: "1000" }] };
const balance = async (contract, address) => (await client.queryContractSmart(contract, { balance: { address } })).balance;

const code = await step("upload", async () => {
  const uploaded = await client.upload(alice, wasm, "auto");
  assert.equal(uploaded.checksum, toHex(sha256(wasm)));
  assert.equal(toHex(sha256((await client.getCodeDetails(uploaded.codeId)).data)), uploaded.checksum);
  return uploaded;
});
await step("uploading what is no contract is refused", () =>
  refused(() => client.upload(alice, toUtf8("\0asm garbage"), "auto"), "create wasm contract failed"));
const contract = await step("instantiate", async () => {
  const { contractAddress } = await client.instantiate(alice, code.codeId, init, "ship", "auto", { admin: alice });
  const { creator, admin, codeId, label } = await client.getContract(contractAddress);
  assert.deepEqual([creator, admin, codeId, label], [alice, alice, code.codeId, "ship"]);
  return contractAddress;
});
await step("instantiate2 at the predicted address", async () => {
  const salt = toUtf8("salt");
  const { contractAddress } = await client.instantiate2(alice, code.codeId, salt, init, "ship 2", "auto");
  assert.equal(contractAddress, instantiate2Address(fromHex(code.checksum), alice, salt, "cosmos"));
  assert.deepEqual(await client.getContracts(code.codeId), [contract, contractAddress]);
});
await step("query: smart and raw", async () => {
  assert.equal(await balance(contract, alice), "1000");
  const info = await client.queryContractRaw(contract, toUtf8("token_info"));
  assert.equal(JSON.parse(new TextDecoder().decode(info)).symbol, "SHIP");
});
await step("execute, and its events", async () => {
  const { events } = await client.execute(alice, contract, { transfer: { recipient: bob, amount: "10" } }, "auto");
  const { attributes } = events.find((event) => event.type === "wasm");
  assert.deepEqual(
    attributes.map(({ key }) => key),
    ["_contract_address", "action", "from", "to", "amount", "msg_index"],
  );
  assert.deepEqual([await balance(contract, alice), await balance(contract, bob)], ["990", "10"]);
});
await step("executeMultiple", async () => {
  const transfer = (amount) => ({ contractAddress: contract, msg: { transfer: { recipient: bob, amount } } });
  const { events } = await client.executeMultiple(alice, [transfer("1"), transfer("2")], "auto");
  const indexes = events.filter(({ type }) => type === "wasm").map(({ attributes }) => attributes.at(-1).value);
  assert.deepEqual(indexes, ["0", "1"]);
  assert.equal(await balance(contract, bob), "13");
});
await step("a contract's refusal comes back in its words", async () => {
  const message = { transfer: { recipient: bob, amount: "9999" } };
  await refused(() => client.execute(alice, contract, message, "auto"), "Cannot Sub with given operands");
  await refused(() => client.execute(alice, contract, message, calculateFee(500_000, gasPrice)), /Code: 5.*execute wasm contract failed/);
  await refused(() => client.queryContractSmart(contract, { nothing: {} }), /unknown variant `nothing`.*query wasm contract failed/);
  await refused(() => client.queryContractSmart(bob, { balance: {} }), "no such contract");
});
await step("migrate, and the history of the code", async () => {
  const { codeId } = await client.upload(alice, wasm, "auto");
  await client.migrate(alice, contract, codeId, {}, "auto");
  const history = await client.getContractCodeHistory(contract);
  assert.deepEqual(history.map(({ operation, codeId: id }) => [operation, id]), [["Init", code.codeId], ["Migrate", codeId]]);
  assert.equal(await balance(contract, bob), "13");
});
await step("updateAdmin, after which migrating is refused", async () => {
  await client.updateAdmin(alice, contract, bob, cheap);
  assert.equal((await client.getContract(contract)).admin, bob);
  await refused(() => client.migrate(alice, contract, code.codeId, {}, "auto"), "unauthorized");
});

// IBC: another process relays

const other = await StargateClient.connect(otherRpc);
const voucher = `ibc/${toHex(sha256(toUtf8(`transfer/${channel.there}/stake`))).toUpperCase()}`;
const arrived = (address, amount) =>
  until(() => other.getBalance(address, voucher), (coin) => coin.amount === String(amount));

await step("sendIbcTokens, and the voucher on the other chain", async () => {
  const timeout = Math.floor(Date.now() / 1000) + 600;
  const stargate = await SigningStargateClient.connectWithSigner(rpc, wallet, options);
  assertIsDeliverTxSuccess(await stargate.sendIbcTokens(alice, bob, stake(77), "transfer", channel.here, undefined, timeout, "auto"));
  await arrived(bob, 77);
});

// Subscriptions

await step("subscribe to new blocks over WebSocket", async () => {
  const socket = await connectComet(rpc.replace("http", "ws"));
  const heights = await new Promise((resolve, reject) => {
    const seen = [];
    const next = ({ header }) => seen.push(header.height) === 3 && resolve(seen);
    socket.subscribeNewBlock().subscribe({ next, error: reject });
  });
  assert.deepEqual(heights, [heights[0], heights[0] + 1, heights[0] + 2]);
  socket.disconnect();
});
await step("subscribe to the transactions of a query over WebSocket", async () => {
  const socket = await connectComet(rpc.replace("http", "ws"));
  const carol = await fresh();
  const events = [];
  const failures = [];
  const listener = { next: (event) => events.push(event), error: (error) => failures.push(error) };
  socket.subscribeTx(`transfer.recipient='${carol}'`).subscribe(listener);
  const sent = []; // nothing tells when the subscription stands
  const send = async () => {
    sent.push(await client.sendTokens(alice, carol, [stake(5)], "auto"));
    return events.length + failures.length;
  };
  await until(send, (seen) => seen > 0);
  assert.deepEqual(failures, []);
  const { hash, height, result } = events[0];
  const its = sent.find(({ transactionHash }) => transactionHash === toHex(hash).toUpperCase());
  assert.deepEqual([height, result.code], [its.height, 0]);
  socket.disconnect();
});

// SIGN_MODE_LEGACY_AMINO_JSON, as Ledger devices sign

const ledger = await Secp256k1HdWallet.fromMnemonic(mnemonic, { prefix: "cosmos" });
const signer = await SigningCosmWasmClient.connectWithSigner(rpc, ledger, options);
const dave = await fresh();
await step("amino: sendTokens", async () => {
  assertIsDeliverTxSuccess(await signer.sendTokens(alice, dave, [stake(5)], "auto", "a <memo> & more"));
  assert.equal((await signer.getBalance(dave, "stake")).amount, "5");
});
await step("amino: upload, instantiate, instantiate2, execute, migrate", async () => {
  const { codeId } = await signer.upload(alice, wasm, "auto");
  const { contractAddress } = await signer.instantiate(alice, codeId, init, "amino", "auto", { admin: alice, funds: [] });
  await signer.instantiate2(alice, codeId, toUtf8("amino"), init, "amino 2", "auto", { admin: alice });
  await signer.execute(alice, contractAddress, { transfer: { recipient: dave, amount: "1" } }, "auto");
  await signer.migrate(alice, contractAddress, codeId, {}, "auto");
  await signer.clearAdmin(alice, contractAddress, cheap);
  assert.equal(await balance(contractAddress, dave), "1");
});
await step("amino: sendIbcTokens by time and by height", async () => {
  const stargate = await SigningStargateClient.connectWithSigner(rpc, ledger, options);
  const timeout = Math.floor(Date.now() / 1000) + 600;
  const height = { revisionNumber: 1n, revisionHeight: 1_000_000n };
  assertIsDeliverTxSuccess(await stargate.sendIbcTokens(alice, dave, stake(1), "transfer", channel.here, undefined, timeout, "auto"));
  assertIsDeliverTxSuccess(await stargate.sendIbcTokens(alice, dave, stake(1), "transfer", channel.here, height, undefined, "auto", "memo"));
  await arrived(dave, 2);
});
await step("amino: a signature for another chain is refused", () => refused(() => signedFor(signer, "another-1"), WRONG));
process.exit(0);
