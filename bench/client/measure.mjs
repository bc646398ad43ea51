/** Measures the program that `IMPULSE_BIN` names: the rows named by the arguments, as JSON. `run.mjs` calls it. */
import { ROWS } from "./rows.mjs";
import { setStage } from "./stage.mjs";

const stage = await setStage();
/** @type {Record<string, number>} */
const figures = {};
try {
  for (const name of process.argv.slice(2)) {
    figures[name] = await ROWS[name].measure(stage);
    process.stderr.write(`  ${name}: ${Math.round(figures[name])} ${ROWS[name].unit}\n`);
  }
} finally {
  await stage.stop();
}
process.stdout.write(JSON.stringify(figures));
