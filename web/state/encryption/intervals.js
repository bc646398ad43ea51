/**
 * The parts of a room's history that are loaded (8.5, 10, of e2ee.md): stretches of places, each with the `seq` up to
 * which its changes are known. Inside of one nothing new can turn up any more.
 */

/** Both ends are in it. @typedef {{ from: number, to: number, seq: number }} Interval */

export class Intervals {
  /** In the order of their places, none of which is in two. @type {Interval[]} */
  list;

  /** @param {Interval[]} list */
  constructor(list = []) {
    this.list = list;
  }

  /** A part that was loaded: it is known as it is now, and not as it was before. @param {Interval} added */
  add(added) {
    if (added.to < added.from) return;
    const others = this.list.flatMap((each) => without(each, added));
    this.list = joined([...others, added]);
  }

  /** A part that was kept: what is known of it besides is newer. @param {Interval} kept */
  fill(kept) {
    const parts = this.list.reduce((left, each) => left.flatMap((part) => without(part, each)), [kept]);
    this.list = joined([...this.list, ...parts]);
  }

  /** Everything that happened behind `floor` up to `seq` has come. @param {number} floor @param {number} seq */
  raise(floor, seq) {
    if (!this.list.some((each) => each.seq >= floor && each.seq < seq)) return;
    this.list = joined(this.list.map((each) => (each.seq >= floor && each.seq < seq ? { ...each, seq } : each)));
  }

  /**
   * What is outside of a range goes.
   *
   * @param {number} from
   * @param {number} to
   * @returns {Interval[]} what has gone
   */
  keepWithin(from, to) {
    const range = { from, to };
    const gone = this.list.flatMap((each) => without(each, range));
    this.list = this.list.flatMap((each) => within(each, range));
    return gone;
  }

  /** What is below an edge goes. @param {number} edge @returns {Interval[]} what has gone */
  cutBelow(edge) {
    return this.keepWithin(edge, Infinity);
  }

  /** Takes what is within a range out. @param {number} from @param {number} to @returns {Interval[]} */
  take(from, to) {
    const range = { from, to };
    const taken = this.list.flatMap((each) => within(each, range));
    this.list = this.list.flatMap((each) => without(each, range));
    return taken;
  }
}

/** @param {Interval} each @param {{ from: number, to: number }} range @returns {Interval[]} */
function within(each, { from, to }) {
  const part = { ...each, from: Math.max(each.from, from), to: Math.min(each.to, to) };
  return part.from <= part.to ? [part] : [];
}

/** @param {Interval} each @param {{ from: number, to: number }} range @returns {Interval[]} */
function without(each, { from, to }) {
  return [...within(each, { from: 0, to: from - 1 }), ...within(each, { from: to + 1, to: Infinity })];
}

/** @param {Interval[]} list @returns {Interval[]} in order, neighbours that are known equally far as one */
function joined(list) {
  /** @type {Interval[]} */
  const all = [];
  for (const each of list.toSorted((a, b) => a.from - b.from)) {
    const last = all.at(-1);
    if (last && last.to + 1 >= each.from && last.seq === each.seq) {
      all[all.length - 1] = { ...last, to: Math.max(last.to, each.to) };
    } else {
      all.push(each);
    }
  }
  return all;
}
