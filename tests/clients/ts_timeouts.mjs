// @confio/relayer as a library: timeouts, over the connection that its own commands made.
//
// Its daemon asks for the next sequence to receive and passes it on. Of an unordered channel ibc-go 10 answers 0,
// and MsgTimeout refuses 0; whoever passes another number on is understood.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { DirectSecp256k1HdWallet } from "@cosmjs/proto-signing";
import { GasPrice } from "@cosmjs/stargate";
import { refused, settings, step, until } from "./steps.mjs";

const require = createRequire(import.meta.url);
const { IbcClient } = require("@confio/relayer/build/lib/ibcclient.js"); // its index needs a development dependency
const { Link } = require("@confio/relayer/build/lib/link.js");
const logger = Object.fromEntries(["error", "warn", "info", "verbose", "debug"].map((level) => [level, () => logger]));

const { rpc, mnemonic, connections, channels } = settings;
const connect = async (url) => {
  const wallet = await DirectSecp256k1HdWallet.fromMnemonic(mnemonic, { prefix: "cosmos" });
  const [{ address }] = await wallet.getAccounts();
  const gasPrice = GasPrice.fromString("0.025stake");
  const options = { gasPrice, logger, estimatedBlockTime: 200, estimatedIndexerTime: 100, broadcastPollIntervalMs: 200 };
  return await IbcClient.connectWithSigner(url, wallet, address, options);
};
const clients = { A: await connect(rpc.A), B: await connect(rpc.B) };
const link = await step("createWithExistingConnections", () =>
  Link.createWithExistingConnections(clients.A, clients.B, connections.A, connections.B, logger));

const HELD = 100_000_000_000n;
const balance = async (client) => BigInt((await client.query.bank.balance(client.senderAddress, "stake")).amount);
const send = (source, height, seconds) => {
  const other = clients[source === "A" ? "B" : "A"];
  const token = { denom: "stake", amount: String(HELD) };
  return clients[source].transferTokens("transfer", channels[source], token, other.senderAddress, height, seconds);
};
const pending = (source) => link.getPendingPackets(source);

// Waits until the other chain is past the timeout, and proves that the packet did not arrive.
const prove = async (source) => {
  const dest = source === "A" ? "B" : "A";
  const [{ packet }] = await until(() => pending(source), (packets) => packets.length === 1);
  const { timeoutHeight, timeoutTimestamp } = packet;
  await until(
    async () => [BigInt(await clients[dest].currentHeight()), BigInt((await clients[dest].currentTime()).getTime()) * 1_000_000n],
    ([height, time]) => (timeoutTimestamp ? time > timeoutTimestamp : height > timeoutHeight.revisionHeight),
  );
  await clients[dest].waitOneBlock();
  const height = await link.updateClient(dest);
  const proof = await clients[dest].getTimeoutProof({ originalPacket: packet, acknowledgement: new Uint8Array() }, height);
  return (sequence) => clients[source].timeoutPacket(packet, proof, sequence, height);
};
const refunded = async (source, before) => {
  assert.deepEqual(await pending(source), []);
  assert.ok(before - (await balance(clients[source])) < HELD, "the tokens came back, less fees");
};

await step("timeout by time, from A", async () => {
  const before = await balance(clients.A);
  await send("A", undefined, Math.floor(Date.now() / 1000) + 2);
  const timeOut = await prove("A");
  const { destinationPort, destinationChannel } = (await pending("A"))[0].packet;
  const asked = await clients.B.query.ibc.channel.nextSequenceReceive(destinationPort, destinationChannel);
  assert.equal(asked.nextSequenceReceive, 0n);
  await refused(() => timeOut(0n), "next sequence receive cannot be 0");
  await timeOut(1n);
  await refunded("A", before);
});
await step("timeout by height, from B", async () => {
  const before = await balance(clients.B);
  await send("B", await clients.A.timeoutHeight(3));
  await (await prove("B"))(1n);
  await refunded("B", before);
});
await step("a proof that comes too early is refused", async () => {
  await send("A", await clients.B.timeoutHeight(1000));
  const [{ packet }] = await until(() => pending("A"), (packets) => packets.length === 1);
  await clients.B.waitOneBlock();
  const height = await link.updateClient("B");
  const proof = await clients.B.getTimeoutProof({ originalPacket: packet, acknowledgement: new Uint8Array() }, height);
  await refused(() => clients.A.timeoutPacket(packet, proof, 1n, height), "packet timeout not reached");
});
await step("relayAll delivers what is in time", async () => {
  const { packetsFromA, acksFromB } = await link.relayAll();
  assert.deepEqual([packetsFromA, acksFromB.length], [1, 1]);
  assert.deepEqual([await pending("A"), await pending("B")], [[], []]);
});
process.exit(0);
