/** Loads the client's modules with one rule of `rules.js` switched off: the one that RULE_OFF numbers. */
import { register } from "node:module";

const loader = `
  import { RULES } from ${JSON.stringify(new URL("./rules.js", import.meta.url).href)};
  const rule = RULES[${Number(process.env.RULE_OFF)}];
  export async function load(url, context, next) {
    const loaded = await next(url, context);
    if (!url.endsWith("/web/crypto/" + rule.file)) return loaded;
    const source = String(loaded.source);
    if (source.split(rule.code).length !== 2) throw new Error("not exactly once in " + rule.file + ": " + rule.code);
    return { ...loaded, source: source.replace(rule.code, () => rule.off) };
  }
`;
register(`data:text/javascript,${encodeURIComponent(loader)}`);
