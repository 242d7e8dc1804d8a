// Rates of @confio/ics23: node ics23.mjs KINDS SECONDS, with KINDS as benchmarks/proofs_peer.py writes it.
// Prints {kind: proofs per second}. Each proof is decoded from its bytes every time.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(`${process.cwd()}/`);
const { ics23, iavlSpec, tendermintSpec, verifyMembership, verifyNonMembership } =
  require("@confio/ics23");
const SPECS = { iavl: iavlSpec, tendermint: tendermintSpec };
const ROUNDS = 9;

const bytes = (text) => Uint8Array.from(Buffer.from(text, "hex"));

function verify(spec, { root, proof, items }) {
  const decoded = ics23.CommitmentProof.decode(proof);
  for (const [key, value] of items) {
    const holds = value
      ? verifyMembership(decoded, spec, root, key, value)
      : verifyNonMembership(decoded, spec, root, key);
    if (!holds) throw new Error(`refused: ${Buffer.from(key)}`);
  }
}

function rate(spec, cases, seconds) {
  const rates = [];
  let next = 0;
  for (let round = 0; round <= ROUNDS; round++) {
    const began = performance.now();
    let done = 0;
    while (performance.now() - began < (1000 * seconds) / ROUNDS) {
      verify(spec, cases[next++ % cases.length]);
      done++;
    }
    if (round) rates.push((1000 * done) / (performance.now() - began)); // the first warms up
  }
  return rates.sort((a, b) => a - b)[ROUNDS >> 1];
}

const kinds = JSON.parse(readFileSync(process.argv[2], "utf8"));
const found = {};
for (const [name, { spec, cases }] of Object.entries(kinds)) {
  const read = cases.map(({ root, proof, items }) => ({
    root: bytes(root),
    proof: bytes(proof),
    items: items.map(([key, value]) => [bytes(key), value && bytes(value)]),
  }));
  found[name] = rate(SPECS[spec], read, Number(process.argv[3]));
}
console.log(JSON.stringify(found));
