/** Measures the program that `IMPULSE_BIN` names: the rows named by the arguments, as JSON. `run.mjs` calls it. */
import { ROWS } from "./rows.mjs";
import { setStage } from "./stage.mjs";

/** @type {Record<string, number>} */
const figures = {};
for (const tls of [false, true]) {
  const names = process.argv.slice(2).filter((name) => (ROWS[name].tls ?? false) === tls);
  if (!names.length) continue;
  const stage = await setStage({ tls });
  try {
    for (const name of names) {
      figures[name] = await ROWS[name].measure(stage);
      process.stderr.write(`  ${name}: ${Math.round(figures[name])} ${ROWS[name].unit}\n`);
    }
  } finally {
    await stage.stop();
  }
}
process.stdout.write(JSON.stringify(figures));
