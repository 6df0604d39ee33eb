/** Charges for tests: none, besides those that a test names. */

import type { Charges } from './settings.ts'

export const testCharges = (changes: Partial<Charges> = {}): string =>
  JSON.stringify({
    taxBasisPoints: { standard: 0, reduced: 0 },
    shipping: {},
    discountBasisPoints: {},
    ...changes,
  } satisfies Charges)
