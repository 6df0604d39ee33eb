import { describe, expect, it } from 'vitest'
import { hostLabel, validName, type rules } from './naming-rules.ts'

const long = (length: number): string => 'a'.repeat(length)

/** For each kind, names that Google accepts and refuses at the edges of the rule. */
const cases: readonly [kind: keyof typeof rules, taken: readonly string[], refused: readonly string[]][] = [
  ['service', ['a', 'orders', long(49)], ['', 'Orders', '1st', 'orders-', 'or_ders', long(50)]],
  ['account', ['orders', long(30)], ['short', 'Orders', '1orders', 'orders-', 'or.ders', long(31)]],
  ['database', ['abcd', long(63)], ['abc', 'Orders', '1orders', 'orders-', long(64)]],
  ['queue', ['Orders-1', long(100)], ['', 'or_ders', 'or.ders', long(101)]],
  ['topic', ['order.placed', long(255)], ['ab', 'goog-events', '1st', 'order placed', long(256)]],
  ['table', ['order_lines', '1st'], ['', 'order-lines', 'order.lines']],
]

describe.each(cases)('%s', (kind, taken, refused) => {
  it.each(taken)('accepts "%s"', (name) => expect(validName(kind, name)).toBe(name))

  it.each(refused)('refuses "%s" and names the rule', (name) => {
    expect(() => validName(kind, name)).toThrow(`"${name}" can't name a `)
    expect(() => validName(kind, name)).toThrow(/: it takes .{10,}\.$/)
  })
})

it('refuses a service whose URL would be too long, with both lengths', () => {
  expect(hostLabel(long(49), '1234567890123')).toHaveLength(63)
  expect(() => hostLabel(long(49), '12345678901234')).toThrow(
    'is 64 characters long, name and project number have at most 63',
  )
})
