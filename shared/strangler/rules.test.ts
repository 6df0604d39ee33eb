import { describe, expect, it } from 'vitest'
import { decide, shareOf } from './rules.ts'

const rule = { on: 'new', off: 'old', percent: 0, callers: ['jo'] }
const callers = Array.from({ length: 2_000 }, (_, index) => `caller-${index}`)
const chosen = (percent: number, flag = 'read'): string[] =>
  callers.filter((caller) => decide(flag, { ...rule, percent }, { killed: false, caller }).value === 'new')

describe('a rule', () => {
  it('chooses named callers, and none at a share of 0', () => {
    expect(decide('read', rule, { killed: false, caller: 'jo' })).toEqual({ value: 'new', reason: 'TARGETING_MATCH' })
    expect(chosen(0)).toEqual([])
    expect(decide('read', rule, { killed: false })).toEqual({ value: 'old', reason: 'DEFAULT' })
  })

  it('chooses about that share, and keeps the chosen when it grows', () => {
    const [few, more] = [chosen(10), chosen(30)]
    expect(few.length).toBeGreaterThan(150)
    expect(few.length).toBeLessThan(250)
    expect(few.filter((caller) => !more.includes(caller))).toEqual([])
    expect(chosen(100)).toEqual(callers)
  })

  it('chooses others for another flag, and the same in every process', () => {
    expect(chosen(10, 'write')).not.toEqual(chosen(10))
    expect(shareOf('read', 'caller-1')).toBeCloseTo(56.0967, 3)
  })

  it('chooses no caller while the kill switch is on', () => {
    const killed = decide('read', { ...rule, percent: 100 }, { killed: true, caller: 'jo' })
    expect(killed).toEqual({ value: 'old', reason: 'DISABLED' })
  })
})
