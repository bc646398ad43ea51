/**
 * The simulation of the protocol by a command, with more seeds and steps than the client tests take:
 *
 *     node tests/web/encryption/simulate.js --seeds 200 --steps 1000 [--from 1] [--kind plain|liars|restores|both]
 *
 * The kinds `keys`, `backups` and `mixed` are of whole clients: `--kind keys --seeds 200 --steps 60`.
 */
import { forgetResults, remember } from "./simulation/memory.js";
import { simulate } from "./simulation/world.js";

const KINDS = {
  plain: {},
  liars: { liars: true },
  restores: { restores: true },
  both: { liars: true, restores: true },
};

/** @param {string} name @param {string} otherwise */
function option(name, otherwise) {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : process.argv[at + 1];
}

// Their modules take some of the program over, which the others do not need.
const { CLIENT_KINDS: clients, simulateClients } = ["keys", "backups", "mixed"].includes(option("kind", ""))
  ? await import("./simulation/clients.js")
  : { CLIENT_KINDS: {}, simulateClients: simulate };
if (!Object.keys(clients).length) remember();
const [from, seeds, steps] = [option("from", "1"), option("seeds", "20"), option("steps", "300")].map(Number);
const only = option("kind", "");
const sum = {};
for (let seed = from; seed < from + seeds; seed += 1) {
  const names = Object.keys(KINDS);
  const kind = only || names[seed % names.length];
  forgetResults();
  try {
    const counts = await (kind in clients
      ? simulateClients(seed, steps, clients[kind])
      : simulate(seed, steps, { people: 4 + (seed % 4), ...KINDS[kind] }));
    for (const [name, count] of Object.entries(counts)) sum[name] = (sum[name] ?? 0) + count;
    if (process.argv.includes("--verbose")) console.log(seed, kind, JSON.stringify(counts));
  } catch (error) {
    console.error(`seed ${seed} (${kind}):`, error);
    process.exitCode = 1;
  }
}
console.log(JSON.stringify(sum));
// What a failed seed has left behind may wait for ever.
process.exit();
