#!/usr/bin/env node
/**
 * Measures the browser client of one or several programs side by side, and prints a table in Markdown.
 *
 *     node bench/client/run.mjs [--only warm,cold] [--rounds 3] [NAME=PROGRAM ...]
 */
import { spawn } from "node:child_process";
import { availableParallelism, cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { ROWS } from "./rows.mjs";

const MEASURE = fileURLToPath(new URL("measure.mjs", import.meta.url));
const OWN = fileURLToPath(new URL("../../target/release/impulse", import.meta.url));

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { only: { type: "string" }, rounds: { type: "string", default: "1" } },
});
const names = values.only?.split(",") ?? Object.keys(ROWS);
const unknown = names.filter((name) => !(name in ROWS));
if (unknown.length) throw new Error(`no such row: ${unknown}; there are: ${Object.keys(ROWS)}`);
const programs = (positionals.length ? positionals : [OWN]).map((text) => {
  const at = text.indexOf("=");
  return at < 0 ? { label: "Impulse", binary: text } : { label: text.slice(0, at), binary: text.slice(at + 1) };
});

/** @type {Map<string, Record<string, number>[]>} */
const rounds = new Map(programs.map(({ label }) => [label, []]));
for (let round = 0; round < Number(values.rounds); round += 1) {
  for (const { label, binary } of programs) {
    process.stderr.write(`${label}, round ${round + 1}\n`);
    rounds.get(label)?.push(await measure(binary));
  }
}
print();

/** In a process of its own, because a program is chosen by the environment. @param {string} binary */
function measure(binary) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [MEASURE, ...names], {
      env: { ...process.env, IMPULSE_BIN: binary },
      stdio: ["ignore", "pipe", "inherit"],
    });
    let said = "";
    child.stdout.on("data", (data) => (said += data));
    child.once("exit", (code) => (code === 0 ? resolve(JSON.parse(said)) : reject(new Error(`ended with ${code}`))));
  });
}

/** The median of the rounds. */
function print() {
  const labels = programs.map(({ label }) => label);
  const lines = names.map((name) => {
    const { title, target, unit } = ROWS[name];
    const figures = labels.map((label) => {
      const sorted = (rounds.get(label) ?? []).map((figure) => figure[name]).sort((a, b) => a - b);
      return `${Math.round(sorted[Math.floor(sorted.length / 2)]).toLocaleString("en")} ${unit}`;
    });
    return `| ${[title, ...figures, `≤ ${target.toLocaleString("en")} ${unit}`].join(" | ")} |`;
  });
  console.log(`| | ${labels.join(" | ")} | Target |\n|---|${"--:|".repeat(labels.length + 1)}`);
  console.log(lines.join("\n"));
  const model = cpus()[0]?.model ?? "unknown processor";
  const at = new Date().toISOString().slice(0, 16);
  console.log(`\n${at} UTC: ${model}, ${availableParallelism()} cores. Rounds: ${values.rounds}.`);
}
