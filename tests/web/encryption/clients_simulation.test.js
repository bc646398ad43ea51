/**
 * Whole clients in a random order. What happens at once is up to the machine, so a seed that fails may pass the next
 * time; more of them: web/encryption/simulate.js with `--kind keys`, `backups` or `mixed`.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CLIENT_KINDS, simulateClients } from "./simulation/clients.js";

const SEEDS = 5;
const STEPS = 60;
const KINDS = { keys: "keys of people and accounts that change", backups: "backups that are restored" };

for (const [kind, what] of Object.entries(KINDS))
  test(`everybody reads everything with the password alone, after losses, reloads and ${what}`, async () => {
    let read = 0;
    for (let seed = 1; seed <= SEEDS; seed += 1) read += (await simulateClients(seed, STEPS, CLIENT_KINDS[kind])).read;
    assert.ok(read > 10 * SEEDS, `${read} messages were read`);
  });
