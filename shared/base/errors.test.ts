import { expect, it } from 'vitest'
import { defineCodes, Refused } from './errors.ts'

const codes = defineCodes({
  'sold-out': { status: 409 },
  'hands-off': { status: 403 },
  'too-greedy': { status: 422, isSecurityEvent: true },
})

it('a declared code has its status, and is a security event by declaration or by 401, 403 and 429', () => {
  const refusals = Object.values(codes).map((code) => new Refused(code, 'No.'))
  expect(refusals.map(({ code, status, isSecurityEvent }) => [code, status, isSecurityEvent])).toEqual([
    ['sold-out', 409, false],
    ['hands-off', 403, true],
    ['too-greedy', 422, true],
  ])
})

it('a code that no table declares does not compile', () => {
  // @ts-expect-error It is spelt sold-out.
  expect(codes['soldout']).toBeUndefined()
  // @ts-expect-error The platform has no such code.
  expect(() => new Refused('not-fuond', 'No.')).toThrow()
})
