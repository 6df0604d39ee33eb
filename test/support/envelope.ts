/** A message of Millrace that a test sends itself. */

/** An envelope of that type with default fields; `given` overrides them. */
export const envelope = (type: string, given: object = {}): object => ({
  id: crypto.randomUUID(),
  type,
  version: 1,
  source: 'catalog',
  subject: 'TEA-001',
  sequence: 1,
  time: new Date().toISOString(),
  correlationId: 'TEA-001',
  causationId: 'test',
  traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`,
  actor: 'staff:test',
  ...given,
})
