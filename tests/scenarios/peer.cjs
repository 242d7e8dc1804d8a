// Plays scenarios in cw-simulate: one JSON line in for each, one JSON line out.
//
//   node peer.cjs FOLDER    where FOLDER/node_modules holds @oraichain/cw-simulate
//
// In: {"chain_id", "prefix", "coins": {ADDRESS: [COIN]}, "codes": [FILE], "steps": [STEP]}, the steps with every name
// resolved, as tests/helpers/scenarios.py made them. Out: {"seen": [{"error", "answer", "events", "data"}], "storage":
// {ADDRESS: {KEY: VALUE}}}.

const { createRequire } = require('module');
const { createHash } = require('crypto');
const { readFileSync } = require('fs');
const path = require('path');
const readline = require('readline');

const load = createRequire(path.join(path.resolve(process.argv[2]), 'any.js'));
const { CWSimulateApp, Ok, SortedMap, compare } = load('@oraichain/cw-simulate');
const { toBech32, toHex } = load('@cosmjs/encoding');

const sha256 = (...parts) => createHash('sha256').update(Buffer.concat(parts)).digest();

// The address of wasmd (x/wasm/keeper/addresses.go): of 32 bytes, where cw-simulate's has 20.
function contractAddress(prefix, code, instance) {
  const key = Buffer.alloc(16);
  key.writeBigUInt64BE(BigInt(code), 0);
  key.writeBigUInt64BE(BigInt(instance), 8);
  return toBech32(prefix, sha256(sha256(Buffer.from('module')), Buffer.from('wasm\0'), key));
}

function world({ chain_id, prefix, coins, codes }) {
  const app = new CWSimulateApp({ chainId: chain_id, bech32Prefix: prefix, debug: () => {} });
  for (const [address, held] of Object.entries(coins)) app.bank.setBalance(address, held);
  for (const file of codes) app.wasm.create('', readFileSync(file));
  const wasm = app.wasm;
  wasm.registerContractInstance = function (creator, codeId, label = '', admin = null) {
    return this.store.tx(set => {
      const instance = this.lastInstanceId + 1;
      const address = contractAddress(prefix, codeId, instance);
      this.setContractInfo(address, { codeId, creator, admin, label, created: app.height });
      this.setContractStorage(address, SortedMap(compare));
      set('lastInstanceId')(instance);
      return Ok(address);
    });
  };
  wasm.getExecutionEnv = address => ({
    block: { ...app.at, chain_id },
    transaction: { index: 0 },
    contract: { address },
  });
  return app;
}

const KINDS = {
  instantiate: (app, s) =>
    app.wasm.instantiateContract(s.sender, s.funds, s.code, s.msg, s.label, s.admin || null),
  execute: (app, s) => app.wasm.executeContract(s.sender, s.funds, s.contract, s.msg),
  migrate: (app, s) => app.wasm.migrateContract(s.sender, s.code, s.contract, s.msg),
  send: (app, s) => app.handleMsg(s.sender, { bank: { send: { to_address: s.to, amount: s.funds } } }),
  query: (app, s) => app.wasm.query(s.contract, s.msg),
  balance: (app, s) => held(app, s.address),
};

function held(app, address) {
  const coins = app.bank.getBalance(address).filter(coin => coin.amount !== '0');
  return { ok: true, val: Object.fromEntries(coins.map(coin => [coin.denom, coin.amount])) };
}

async function played(app, step) {
  app.at = step.block;
  let result;
  try {
    result = await KINDS[step.kind](app, step);
  } catch (error) {
    result = { err: true, val: error.message };
  }
  settle(app);
  if (result.err) return { error: String(result.val) };
  if (step.kind === 'query' || step.kind === 'balance') return { answer: result.val };
  const events = result.val.events
    .filter(event => event.type.split('-')[0] === 'wasm')
    .map(event => [event.type, event.attributes.map(each => [each.key, each.value])]);
  return { events, data: result.val.data ?? '' };
}

// The store forgets what a failed call did; the VMs, which have memories of their own, do not.
function settle(app) {
  for (const contract of app.wasm.getContracts()) {
    const kept = contract.getStorage();
    if (kept) contract.vm.backend.storage.dict = kept;
    else delete app.wasm.contracts[contract.address];
  }
}

function storage(app) {
  const hex = map => Object.fromEntries([...map.entries()].map(pair => pair.map(toHex)));
  return Object.fromEntries(app.wasm.getContracts().map(each => [each.address, hex(each.getStorage())]));
}

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const scenario = JSON.parse(line);
    const app = world(scenario);
    const seen = [];
    for (const step of scenario.steps) seen.push(await played(app, step));
    process.stdout.write(JSON.stringify({ seen, storage: storage(app) }) + '\n');
  }
}

main();
