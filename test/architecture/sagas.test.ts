/** Every version of a saga that ever ran: those that it left behind in the streams rely on it. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { checkout } from '../../functions/orders/checkout.ts'
import { frozenVersions } from '../../shared/saga.ts'

const file = 'functions/orders/frozen-sagas.json'
const frozen = JSON.parse(readFileSync(join(import.meta.dirname, '..', '..', file), 'utf8')) as Record<string, unknown>

it('each version of the checkout is as it was frozen', () => {
  const versions = frozenVersions(checkout)
  for (const [version, steps] of Object.entries(versions)) {
    expect(frozen[version], `add "${version}" to ${file}: ${JSON.stringify(steps)}`).toBeDefined()
    expect(steps, `${version} has changed: name the step anew, retire the old one, and raise the version`).toEqual(
      frozen[version],
    )
  }
})
