import { describe, expect, it } from 'vitest'
import { nextTime } from './cron.ts'

const times = (schedule: string, timeZone: string, from: string, count: number): string[] => {
  const all: string[] = []
  for (let atMs = Date.parse(from); all.length < count;) {
    atMs = nextTime({ schedule, timeZone }, atMs)
    all.push(new Date(atMs).toISOString().replace(':00.000Z', ''))
  }
  return all
}

describe('the next time of a schedule', () => {
  it('is after the given one, also when that one is due', () => {
    expect(times('0 4 * * *', 'Etc/UTC', '2026-01-01T04:00:00Z', 2)).toEqual(['2026-01-02T04:00', '2026-01-03T04:00'])
  })

  it('takes lists, ranges, steps, names and both Sundays', () => {
    expect(times('*/30 8-9 * JAN,mar MON-fri', 'Etc/UTC', '2026-01-30T09:00:00Z', 3)).toEqual([
      '2026-01-30T09:30',
      '2026-03-02T08:00',
      '2026-03-02T08:30',
    ])
    expect(times('0 0 * * 0', 'Etc/UTC', '2026-01-01T00:00:00Z', 2)).toEqual(
      times('0 0 * * 7', 'Etc/UTC', '2026-01-01T00:00:00Z', 2),
    )
  })

  it('is on either of a day of the month and a day of the week, as cron has it', () => {
    expect(times('0 0 1 * 1', 'Etc/UTC', '2026-03-28T00:00:00Z', 3)).toEqual([
      '2026-03-30T00:00',
      '2026-04-01T00:00',
      '2026-04-06T00:00',
    ])
  })

  it('follows the clock on the wall through both changes of summer time', () => {
    expect(times('0 4 * * *', 'Europe/Berlin', '2026-03-27T12:00:00Z', 2)).toEqual([
      '2026-03-28T03:00',
      '2026-03-29T02:00',
    ])
    // 2:30 does not exist on 29 March, and comes twice on 25 October.
    expect(times('30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00:00Z', 2)).toEqual([
      '2026-03-29T01:00',
      '2026-03-30T00:30',
    ])
    expect(times('30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00:00Z', 2)).toEqual([
      '2026-10-25T00:30',
      '2026-10-26T01:30',
    ])
    expect(times('0 * * * *', 'Europe/Berlin', '2026-10-24T23:30:00Z', 3)).toEqual([
      '2026-10-25T00:00',
      '2026-10-25T01:00',
      '2026-10-25T02:00',
    ])
  })
})

describe('a schedule is refused', () => {
  it.each([
    ['every 5 minutes', 'unix-cron with five fields'],
    ['* * * * * *', 'unix-cron with five fields'],
    ['@daily', 'unix-cron with five fields'],
    ['0 0 L * *', 'unix-cron with five fields'],
    ['0 0 * * 1#2', 'unix-cron with five fields'],
    ['0 0 * * ?', 'unix-cron with five fields'],
    ['60 * * * *', 'minute'],
    ['0 24 * * *', 'hour'],
    ['0 0 * * 8', 'dayOfWeek'],
    ['*/0 * * * *', 'stepping'],
    ['0 0 30 2 *', 'never comes'],
  ])('%s', (schedule, message) => {
    const refused = (): number => nextTime({ schedule, timeZone: 'Etc/UTC' }, 0)
    expect(refused).toThrow(message)
    expect(refused).toThrow(schedule)
  })

  it('for a time zone that does not exist', () => {
    expect(() => nextTime({ schedule: '0 0 * * *', timeZone: 'Mars/Olympus' }, 0)).toThrow('Mars/Olympus')
  })
})
