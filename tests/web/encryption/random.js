/** Random choices that a seed repeats. */

export class Random {
  /** @param {number} seed */
  constructor(seed) {
    this.state = (seed * 0x9e3779b9) >>> 0 || 1;
  }

  /** A number from 0 to 1, not itself. (mulberry32) */
  next() {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let x = this.state;
    x = Math.imul(x ^ (x >>> 15), x | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  }

  /** An integer from `least` to `most`, both included. */
  between(least, most) {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  /** @param {number} chance  0 to 1 */
  happens(chance) {
    return this.next() < chance;
  }

  /** @template T @param {T[]} choices @returns {T} */
  pick(choices) {
    return choices[this.between(0, choices.length - 1)];
  }

  /** One of the keys, as often as its weight says. @param {{[key: string]: number}} weights */
  weighted(weights) {
    let left = this.next() * Object.values(weights).reduce((sum, weight) => sum + weight, 0);
    for (const [key, weight] of Object.entries(weights)) if ((left -= weight) < 0) return key;
    return Object.keys(weights)[0];
  }

  /** @template T @param {T[]} items @returns {T[]} in another order */
  shuffled(items) {
    const all = [...items];
    for (let at = all.length - 1; at > 0; at -= 1) {
      const other = this.between(0, at);
      [all[at], all[other]] = [all[other], all[at]];
    }
    return all;
  }

  /** @param {number} length */
  bytes(length) {
    return Uint8Array.from({ length }, () => this.between(0, 255));
  }
}
