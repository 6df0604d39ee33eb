/** Ids and chances from one seed, so that a run can be repeated. */

export interface Random {
  /** 0 ≤ x < 1. */
  next(): number
  /** 16 lower-case hex digits. */
  id(): string
}

/** mulberry32: small, fast, and good enough for ids that need not be secret. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d_2b_79_f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  const half = (): string =>
    Math.floor(next() * 4_294_967_296)
      .toString(16)
      .padStart(8, '0')
  return { next, id: () => half() + half() }
}
