/**
 * The protocol, simulated: many browsers of the client's own modules and a model of the server, in random order, with
 * losses, restarts, late batches, liars and restored backups. More seeds and steps: web/encryption/simulate.js.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { forgetResults, remember } from "./simulation/memory.js";
import { simulate } from "./simulation/world.js";

const STEPS = 300;
/** With how many seeds: where both may happen, everything of the others may. */
const KINDS = {
  "with honest people": { seeds: 3, options: {} },
  "with somebody who makes keys, wraps and links that open for nobody": { seeds: 4, options: { liars: true } },
  "with backups that are restored": { seeds: 6, options: { restores: true } },
  "with both": { seeds: 7, options: { liars: true, restores: true } },
};

remember();

for (const [at, [kind, { seeds, options }]] of Object.entries(KINDS).entries()) {
  test(`whoever is entitled reads everything and nobody else has the key, ${kind}`, async () => {
    const sum = { opened: 0, tried: 0, epochs: 0 };
    for (let seed = 100 * at + 1; seed <= 100 * at + seeds; seed += 1) {
      forgetResults();
      const counts = await simulate(seed, STEPS, { people: 4 + (seed % 2), ...options });
      for (const name of Object.keys(sum)) sum[name] += counts[name];
    }
    assert.ok(sum.opened > 20 * seeds, JSON.stringify(sum));
    assert.ok(sum.tried > STEPS * seeds, JSON.stringify(sum));
    assert.ok(sum.epochs > 5 * seeds, JSON.stringify(sum));
  });
}
