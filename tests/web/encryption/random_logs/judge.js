/** Reads worlds, one a line, and writes what this client says about their batches. */
import { createInterface } from "node:readline";
import { verdictsOf } from "./worlds.js";

for await (const line of createInterface({ input: process.stdin }))
  process.stdout.write(`${JSON.stringify({ verdicts: await verdictsOf(JSON.parse(line)) })}\n`);
