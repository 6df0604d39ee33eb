/** The rules of every saga of a business: a name of its own, frozen versions by which waiting sagas continue, and no success before the pivot. */

import { describe, expect, it } from 'vitest'
import { RECORD, withNewEntries } from '../contracts/records.testing.ts'
import { message } from '../runtime/deliver.testing.ts'
import { testPlatform } from '../runtime/platform.testing.ts'
import type { Service } from '../service/service.ts'
import { frozenVersions } from './definition.ts'

/** Declares the tests. @param folder of the business: `functions`, from the root of the repository */
export function testSagas(services: readonly Service[], folder: string): void {
  const sagas = services.flatMap((service) => (service.saga ? [{ service, ...service.saga }] : []))

  it('each saga has a name of its own', () => {
    const names = sagas.map(({ definition }) => definition.name)
    expect(names).toEqual([...new Set(names)])
  })

  describe.each(sagas)('the saga $name of $service.name', ({ service, definition }) => {
    const file = `${folder}/${service.name}/frozen-sagas.json`
    const frozen = withNewEntries(new URL(`../../${file}`, import.meta.url), frozenVersions(definition))

    it('has every version that is frozen', () => {
      const remedy = `a version may go 31 days after its last saga has ended: then take it out of ${file} as well`
      expect(Object.keys(frozenVersions(definition)), remedy).toEqual(expect.arrayContaining(Object.keys(frozen)))
    })

    it.each(Object.entries(frozenVersions(definition)))('%s equals its frozen definition', (version, steps) => {
      expect(frozen[version], `"${version}" is not in ${file}: ${RECORD}`).toBeDefined()
      expect(steps, `${version} has changed: give the step a new name, retire the old one, raise the version`).toEqual(
        frozen[version],
      )
    })

    it.each(definition.successEvents)('can not record %s before its pivot', async (type) => {
      const platform = testPlatform(service)
      const { example: data } = service.contracts.events[type]!
      const commit = platform.streams.handle<{ type: string; data: unknown }>(
        message(type, data, { subject: 'one' }),
        'one',
        () => ({ events: [{ type, data }], commands: [] }),
      )
      await expect(commit).rejects.toThrow(`${type} implies success, and the saga ${definition.name} has not reached`)
      expect([platform.published, platform.streamIds()]).toEqual([[], []])
    })
  })
}
