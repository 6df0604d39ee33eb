/** Every version of every saga, since sagas that wait in the streams continue by their own version. */

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { services } from '../../functions/index.ts'
import { frozenVersions } from '../../shared/saga/definition.ts'

const sagas = services.flatMap(({ name, saga }) => (saga ? [{ name, definition: saga.definition }] : []))

it('each saga has a name of its own', () => {
  const names = sagas.map(({ definition }) => definition.name)
  expect(names).toEqual([...new Set(names)])
})

describe.each(sagas)('the saga $definition.name of $name', ({ name, definition }) => {
  const file = `functions/${name}/frozen-sagas.json`
  const path = join(import.meta.dirname, '..', '..', file)
  const frozen = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>) : {}

  it('has every version that is frozen', () => {
    const remedy = `a version may go 31 days after its last saga has ended: then take it out of ${file} as well`
    expect(Object.keys(frozenVersions(definition)), remedy).toEqual(expect.arrayContaining(Object.keys(frozen)))
  })

  it.each(Object.entries(frozenVersions(definition)))('%s equals its frozen definition', (version, steps) => {
    expect(frozen[version], `add "${version}" to ${file}: ${JSON.stringify(steps)}`).toBeDefined()
    expect(steps, `${version} has changed: give the step a new name, retire the old one, raise the version`).toEqual(
      frozen[version],
    )
  })
})
