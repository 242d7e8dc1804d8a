// gRPC-Web as dApps use it: the client that generated code of Telescope and ts-proto calls, and Google's own.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { settings, step, until } from "./steps.mjs";

const require = createRequire(import.meta.url);
const { grpc } = require("@improbable-eng/grpc-web");
const { NodeHttpTransport } = require("@improbable-eng/grpc-web-node-http-transport");
const bank = require("cosmjs-types/cosmos/bank/v1beta1/query");
const auth = require("cosmjs-types/cosmos/auth/v1beta1/query");
const { BaseAccount } = require("cosmjs-types/cosmos/auth/v1beta1/auth");
const node = require("cosmjs-types/cosmos/base/tendermint/v1beta1/query");
const tx = require("cosmjs-types/cosmos/tx/v1beta1/service");

const { rest, address, nobody, signed, hash } = settings;
grpc.setDefaultTransport(NodeHttpTransport());

// What generated code hands over: bytes in, bytes out, under the names of the .proto files.
const described = (service, methodName) => ({
  methodName,
  service: { serviceName: service },
  requestStream: false,
  responseStream: false,
  requestType: { serializeBinary() { return this.data; } },
  responseType: { deserializeBinary: (data) => ({ data, toObject() { return this; } }) },
});
let headers;
const call = (service, method, data, metadata = {}) =>
  new Promise((resolve, reject) => {
    const definition = described(service, method);
    grpc.unary(definition, {
      host: rest,
      request: { data, serializeBinary: () => data },
      metadata: new grpc.Metadata(metadata),
      onEnd(response) {
        headers = response.headers;
        if (response.status === grpc.Code.OK) resolve(response.message.data);
        else reject(Object.assign(new Error(response.statusMessage), { code: response.status }));
      },
    });
  });
const rpc = { request: call };
const refusedWith = (code, words) => (error) => {
  assert.equal(error.code, code, `${error.code}: ${error.message}`);
  assert.ok(error.message.includes(words), error.message);
  return true;
};

await step("grpc-web: a balance, an account, the latest block", async () => {
  const { balance } = await new bank.QueryClientImpl(rpc).Balance({ address, denom: "stake" });
  assert.ok(BigInt(balance.amount) > 0n);
  const { account } = await new auth.QueryClientImpl(rpc).Account({ address });
  assert.equal(BaseAccount.decode(account.value).address, address);
  const { block } = await new node.ServiceClientImpl(rpc).GetLatestBlock();
  assert.ok(block.header.height > 0n);
});

await step("grpc-web: an answer of a height that was asked for", async () => {
  const empty = bank.QueryParamsRequest.encode({}).finish();
  await call("cosmos.bank.v1beta1.Query", "Params", empty, { "x-cosmos-block-height": "1" });
  assert.deepEqual(headers.get("x-cosmos-block-height"), ["1"]);
});

await step("grpc-web: refusals have their codes and texts", async () => {
  const unknown = new auth.QueryClientImpl(rpc).Account({ address: nobody });
  await assert.rejects(unknown, refusedWith(grpc.Code.NotFound, `account ${nobody} not found`));
  const invalid = new bank.QueryClientImpl(rpc).Balance({ address: "x", denom: "stake" });
  await assert.rejects(invalid, refusedWith(grpc.Code.InvalidArgument, "decoding bech32 failed"));
  const absent = call("cosmos.bank.v1beta1.Query", "Nope", new Uint8Array());
  await assert.rejects(absent, refusedWith(grpc.Code.Unimplemented, "unknown method Nope"));
});

await step("grpc-web: simulate, broadcast and find a transaction", async () => {
  const service = new tx.ServiceClientImpl(rpc);
  const txBytes = Buffer.from(signed, "base64");
  const { gasInfo } = await service.Simulate({ txBytes });
  assert.ok(gasInfo.gasUsed > 0n);
  const { txResponse } = await service.BroadcastTx({ txBytes, mode: tx.BroadcastMode.BROADCAST_MODE_SYNC });
  assert.deepEqual([txResponse.code, txResponse.txhash], [0, hash]);
  const found = await until(() => service.GetTx({ hash }).catch(() => undefined), Boolean);
  assert.equal(found.txResponse.code, 0);
});

// Google's client knows both forms; in a browser it has XMLHttpRequest of itself.

globalThis.XMLHttpRequest = require("xhr2");
const google = require("grpc-web");

for (const format of ["text", "binary"]) {
  await step(`Google's grpc-web: ${format}`, async () => {
    const client = new google.GrpcWebClientBase({ format });
    const ask = (path, request, type) => {
      const decode = (bytes) => type.decode(bytes);
      const method = new google.MethodDescriptor(path, "unary", Object, Object, (data) => data, decode);
      return client.thenableCall(rest + path, request, {}, method);
    };
    const wanted = bank.QueryBalanceRequest.encode({ address, denom: "gold" }).finish();
    const { balance } = await ask("/cosmos.bank.v1beta1.Query/Balance", wanted, bank.QueryBalanceResponse);
    assert.ok(BigInt(balance.amount) > 0n);
    const absent = auth.QueryAccountRequest.encode({ address: nobody }).finish();
    const refused = ask("/cosmos.auth.v1beta1.Query/Account", absent, auth.QueryAccountResponse);
    await assert.rejects(refused, refusedWith(google.StatusCode.NOT_FOUND, "not found"));
  });
}
