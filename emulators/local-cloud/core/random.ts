/** Ids and chances from one seed, so that a run can be repeated. */

export interface Random {
  /** 0 ≤ x < 1. */
  readonly next: () => number
  /** 16 lower-case hex digits. */
  readonly id: () => string
}

const WORDS = 2 ** 32
/** So that seeds that differ in one bit begin far apart. */
const WARM_UP_ROUNDS = 16

/** sfc32: small and fast, and its 128 bits of state keep ids apart over restarts. Not for secrets. */
export function seededRandom(seed: number): Random {
  let [a, b, c, counter] = [seed >>> 0, Math.floor(seed / WORDS) >>> 0, 0x9e_37_79_b9, 1]
  const word = (): number => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return sum >>> 0
  }
  for (let round = 0; round < WARM_UP_ROUNDS; round++) word()
  const half = (): string => word().toString(16).padStart(8, '0')
  return { next: () => word() / WORDS, id: () => half() + half() }
}
