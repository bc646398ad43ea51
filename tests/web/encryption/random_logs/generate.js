/** `node generate.js SEED COUNT`: so many random worlds, each with what this client says about its batches. */
import { randomWorld, verdictsOf } from "./worlds.js";

const [seed, count] = process.argv.slice(2).map(Number);
for (let at = 0; at < count; at += 1) {
  const world = await randomWorld(seed + at, 60);
  process.stdout.write(`${JSON.stringify({ ...world, verdicts: await verdictsOf(world) })}\n`);
}
