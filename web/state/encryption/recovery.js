/** Signing in with the recovery code, by somebody who has forgotten the password (e2ee.md, 14.7 a). */
import { readEncryptionInfo } from "../../calls/keys.js";
import { fromBase64Url } from "../../crypto/encoding.js";
import { probe } from "../../crypto/signatures.js";
import { clock } from "../clock.js";
import { newPassword } from "../credentials.js";
import { recoverWithCode } from "./account_keys.js";
import { readCode } from "./own_keys.js";

/**
 * @param {{ username: string, code: string, password: string }} choice  `password`: the new one
 * @returns {Promise<import("../credentials.js").Entrance & { isRecovered: boolean }>}
 * @throws {{ code: string }} `code_typo`, `other_account`, `bad_credentials`, `weak_password`, `keys_unsupported`
 */
export async function recover({ username, code, password }) {
  if (!(await probe())) throw { code: "keys_unsupported" };
  const recovery = await readCode(code);
  const { instance } = await readEncryptionInfo();
  const next = await newPassword(username, password);
  const own = { username, instance: fromBase64Url(instance) };
  const entrance = await recoverWithCode(own, recovery, next, { knownAkGen: 0, time: clock.now() });
  return { ...entrance, isRecovered: true };
}
