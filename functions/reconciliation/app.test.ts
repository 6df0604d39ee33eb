import { expect, it } from 'vitest'
import { printable } from './app.ts'
import { reconciliationContracts } from './contracts.ts'

it('a difference of texts that no event may hold is named without their characters', () => {
  const difference = {
    kind: 'charge-missing-here',
    id: 'ch_\u001B]0;x\u0007\uD800\u202E注文',
    values: { provider: '', ledger: 'x'.repeat(2_000) },
  } as const
  const shown = printable(difference)
  expect(shown).toEqual({
    kind: 'charge-missing-here',
    id: 'ch_\uFFFD]0;x\uFFFD\uFFFD\uFFFD注文',
    values: { provider: 'an empty text', ledger: 'x'.repeat(1_000) },
  })
  const runId = '0195a1b2-0000-8000-8000-000000000001'
  const { data } = reconciliationContracts.events['difference.found']
  expect(data.safeParse({ ...shown, runId }).success).toBe(true)
  expect(data.safeParse({ ...difference, runId }).success).toBe(false)
})
