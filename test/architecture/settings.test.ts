/** A service whose settings are wrong does not start: a bad value is found by its deployment, and not by a request. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { business, services } from '../../functions/index.ts'
import { synthesize } from '../../stacks/app.ts'
import { environments } from '../../stacks/environments.ts'
import { variablesOf } from '../../stacks/service-variables.ts'
import { root } from '../support/root.ts'

const { dev } = environments
/** Neither JSON, an address, a number, a choice, nor a text without spaces. */
const malformed = '{ '

const readers = services.filter(({ settings }) => settings.length > 0)

describe.each(readers)('the service $name', (service) => {
  const names = service.settings.map(({ name }) => name)

  it('with malformed settings does not start, and names each with its fault', async () => {
    const child = spawn(process.execPath, ['functions/main.ts', service.name], {
      cwd: root,
      // As root, a service that started would listen until the test is over.
      timeout: 30_000,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: {
        ...variablesOf(service, business, dev),
        ...Object.fromEntries(names.map((name) => [name, malformed])),
        K_SERVICE: service.name,
        K_REVISION: `${service.name}-00001`,
        PORT: '1',
      },
    })
    const [output, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')])
    expect(output).toContain(`${service.name} does not start. `)
    for (const name of names) expect(output).toContain(`The setting ${name} has a wrong value: ${name}: `)
    expect(code).toBe(1)
  })

  it.each(names)('is not deployed with a malformed %s', (name) => {
    const settings: typeof business.settings = (deployment) => ({ ...business.settings(deployment), [name]: malformed })
    const environment = {
      ...dev,
      settings: { ...dev.settings, ...(name in dev.settings ? { [name]: malformed } : {}) },
    }
    expect(() => synthesize(environment, { ...business, settings })).toThrow(`The setting ${name} has a wrong value: `)
  })
})
