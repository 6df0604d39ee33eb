/** All settings of a service are parsed at once; an error names each with its fault. */

import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { readSettings } from './config.ts'
import { defineSetting, httpUrl, json, parseSetting } from './setting.ts'

const seats = defineSetting('SEATS', json(z.strictObject({ rows: z.int().min(1), names: z.array(z.string()) })))
const hall = defineSetting('HALL', httpUrl)
const theatre = { name: 'theatre', settings: [seats, hall] }
const given = { SEATS: '{"rows":3,"names":[]}', HALL: 'https://hall.example.com' }

describe('a setting', () => {
  it.each([
    [{ SEATS: '{"rows":0,"names":[7]}' }, ['The setting SEATS has a wrong value: rows: ', '; names.0: ']],
    [{ SEATS: '{' }, ['The setting SEATS has a wrong value: SEATS: takes JSON: ']],
    [{ SEATS: '' }, ['The setting SEATS is missing']],
    [
      { HALL: 'ftp://hall' },
      ['The setting HALL has a wrong value: HALL: takes an address that begins with http:// or https://'],
    ],
    [{ SEATS: undefined, HALL: 'hall' }, ['The setting SEATS is missing', 'The setting HALL has a wrong value']],
  ])('of %j is refused with its fault', (changes, faults) => {
    const read = () => readSettings(theatre, { ...given, ...changes })
    expect(read).toThrow(/^theatre does not start\. /)
    for (const fault of faults) expect(read).toThrow(fault)
  })

  it('has its parsed value, and none in a service that does not name it', () => {
    const setting = readSettings(theatre, given)
    expect([setting(seats).rows, setting(hall)]).toEqual([3, given.HALL])
    expect(() => setting(defineSetting('STAGE', z.string()))).toThrow(
      'theatre does not have the setting STAGE: name it in its service.ts.',
    )
    expect(parseSetting(seats, given.SEATS)).toEqual(setting(seats))
  })
})
