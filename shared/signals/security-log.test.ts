import { describe, expect, it } from 'vitest'
import { createSecurityLog, LINES_PER_KIND_AND_SECOND, type SecurityEvent } from './security-log.ts'

const refusal: SecurityEvent = { event: 'token-invalid', outcome: 'refused', reason: 'no' }

function started() {
  const lines: { severity: string; event: string; fields: Record<string, unknown> }[] = []
  const timers: { work: () => void; atMs: number }[] = []
  let nowMs = 0
  const security = createSecurityLog({
    log: (severity, event, fields = {}) => void lines.push({ severity, event, fields: { ...fields } }),
    now: () => nowMs,
    later: (work, afterMs) => void timers.push({ work, atMs: nowMs + afterMs }),
  })
  return {
    security,
    lines,
    counted: () => lines.reduce((sum, { fields }) => sum + Number(fields['count']), 0),
    timers,
    advance(ms: number) {
      nowMs += ms
      for (const { work } of timers.splice(0).filter(({ atMs }) => atMs <= nowMs)) work()
    },
  }
}

describe('the security log', () => {
  it('writes the known fields of a refusal, and no others', () => {
    const { security, lines } = started()
    security({ ...refusal, subject: 'customer:c-1', keyId: 'k', address: '203.0.113.7', route: '/v1/orders' })
    security({ ...refusal, event: 'forbidden', subject: undefined })
    expect(lines).toEqual([
      {
        severity: 'WARNING',
        event: 'security',
        fields: {
          event: 'token-invalid',
          outcome: 'refused',
          reason: 'no',
          subject: 'customer:c-1',
          keyId: 'k',
          address: '203.0.113.7',
          route: '/v1/orders',
          count: 1,
        },
      },
      {
        severity: 'WARNING',
        event: 'security',
        fields: { event: 'forbidden', outcome: 'refused', reason: 'no', count: 1 },
      },
    ])
  })

  it('truncates texts of the caller', () => {
    const { security, lines } = started()
    security({ ...refusal, subject: 's'.repeat(10_000), reason: 'r'.repeat(10_000) })
    expect(JSON.stringify(lines).length).toBeLessThan(1_000)
  })

  it('writes the first refusals of a kind in each second, and one line with the count of the others', () => {
    const { security, lines, advance, counted } = started()
    for (let sent = 0; sent < 5_000; sent++) security(refusal)
    security({ ...refusal, event: 'forbidden' })
    expect(lines).toHaveLength(LINES_PER_KIND_AND_SECOND + 1)
    advance(1_000)
    expect(lines).toHaveLength(LINES_PER_KIND_AND_SECOND + 2)
    expect(lines.at(-1)!.fields).toMatchObject({
      event: 'token-invalid',
      outcome: 'refused',
      count: 5_000 - LINES_PER_KIND_AND_SECOND,
    })
    expect(counted()).toBe(5_001)
  })

  it('loses no count when the next second begins before the timer runs, nor on close', () => {
    const { security, timers, advance, counted, lines } = started()
    const flood = (): void => {
      for (let sent = 0; sent < 100; sent++) security(refusal)
    }
    flood()
    const [late] = timers.splice(0)
    advance(1_500)
    flood()
    // The timer of the first second fires only now.
    late!.work()
    security.close()
    expect(counted()).toBe(200)
    expect(lines).toHaveLength(2 * (LINES_PER_KIND_AND_SECOND + 1))
    advance(10_000)
    security.close()
    expect(counted()).toBe(200)
  })

  it('keeps at most one second of each kind in memory during a long flood', () => {
    const { security, advance, lines, counted } = started()
    for (let second = 0; second < 3_600; second++) {
      for (let sent = 0; sent < 50; sent++) security(refusal)
      advance(1_000)
    }
    expect(lines).toHaveLength(3_600 * (LINES_PER_KIND_AND_SECOND + 1))
    expect(counted()).toBe(3_600 * 50)
  })

  it('writes every act of staff and operators without a limit', () => {
    const { security, lines } = started()
    for (let sent = 0; sent < 100; sent++)
      security({ event: 'staff.command', outcome: 'done', reason: 'r', subject: 'staff:s', act: { command: 'X' } })
    expect(lines).toHaveLength(100)
    expect(lines[99]).toMatchObject({ severity: 'NOTICE', fields: { subject: 'staff:s', command: 'X' } })
  })
})
