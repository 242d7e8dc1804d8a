// What every script here is made of: named steps, the first that fails ends the script.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

export const settings = JSON.parse(readFileSync(0, "utf8"));

export async function step(name, action) {
  try {
    const result = await action();
    console.log(`ok ${name}`);
    return result;
  } catch (error) {
    console.log(`failed ${name}: ${String(error?.message ?? error).replaceAll("\n", " ")}`);
    console.error(error);
    process.exit(1);
  }
}

// What must be refused, and the words or the pattern that the reason must have.
export async function refused(action, reason) {
  await assert.rejects(action, (error) => {
    const found = reason instanceof RegExp ? reason.test(error.message) : error.message.includes(reason);
    assert.ok(found, `the reason is "${error.message}", not "${reason}"`);
    return true;
  });
}

// Ask until the answer is as wanted; the test as a whole has a time limit.
export async function until(ask, wanted) {
  for (;;) {
    const answer = await ask();
    if (wanted(answer)) return answer;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
