/**
 * Switches each rule of `rules.js` off in turn, and says which ones no test misses:
 *
 *     node tests/web/encryption/rules_off/run.js [part of a rule's name]
 */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { RULES } from "./rules.js";

const hook = new URL("./hook.js", import.meta.url).href;
const LONGEST_MS = 300_000;

/** Whether the tests fail without a rule. @param {number} index @returns {Promise<boolean>} */
function isMissed(index) {
  const file = fileURLToPath(new URL(`../${RULES[index].test}.test.js`, import.meta.url));
  const env = { ...process.env, RULE_OFF: String(index) };
  delete env.NODE_TEST_CONTEXT;
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["--import", hook, file], { env, stdio: ["ignore", "pipe", "ignore"] });
    const timer = setTimeout(() => child.kill(), LONGEST_MS);
    let told = "";
    child.stdout.on("data", (some) => (told += some));
    child.on("exit", (code) => {
      clearTimeout(timer);
      if (told.includes("not exactly once in")) reject(new Error(`${RULES[index].rule}: its code has changed`));
      else resolve(code !== 0);
    });
  });
}

const wanted = process.argv[2] ?? "";
let kept = 0;
for (const [index, { rule }] of RULES.entries()) {
  if (!rule.includes(wanted)) continue;
  const missed = await isMissed(index).catch((error) => {
    console.log(String(error));
    return false;
  });
  if (missed) kept += 1;
  else console.log(`no test misses: ${rule}`);
}
console.log(`${kept} rules are missed by a test when they are switched off`);
if (kept < RULES.filter(({ rule }) => rule.includes(wanted)).length) process.exitCode = 1;
