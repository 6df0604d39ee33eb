/** A service whose settings are wrong does not start: a bad value is found by its deployment, and not by a request. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { business, services } from '../../functions/index.ts'
import { secretVariable } from '../../shared/base/secret.ts'
import type { Business } from '../../shared/service/business.ts'
import { synthesize } from '../../stacks/app.ts'
import { type Environment, environments } from '../../stacks/environments.ts'
import { variablesOf } from '../../stacks/service-variables.ts'
import { root } from '../support/root.ts'
import { wholeLists } from '../support/whole-lists.ts'

const { dev } = environments
/** Neither JSON, an address, a number, a choice, nor a text without spaces. */
const malformed = '{ '

const readers = services.filter(({ settings }) => settings.length > 0)
/** The first public and the first internal one; all in `npm run verify`. */
const started = wholeLists
  ? readers
  : readers.filter(({ ingress, name }) => readers.find((one) => one.ingress === ingress)!.name === name)

/** The business and the environment dev, of which this one setting is malformed. */
function withMalformed(name: string): [Business, Environment] {
  const settings: Business['settings'] = (deployment) => ({ ...business.settings(deployment), [name]: malformed })
  const ofEnvironment = { ...dev.settings, ...(name in dev.settings ? { [name]: malformed } : {}) }
  return [
    { ...business, settings },
    { ...dev, settings: ofEnvironment },
  ]
}

describe.each(readers)('the service $name', (service) => {
  const names = service.settings.map(({ name }) => name)

  it.runIf(started.includes(service))(
    'with malformed settings does not start, and names each with its fault',
    async () => {
      const child = spawn(process.execPath, ['functions/main.ts', service.name], {
        cwd: root,
        // As root, a service that started would listen until the test is over.
        timeout: 30_000,
        stdio: ['ignore', 'ignore', 'pipe'],
        env: {
          ...variablesOf(service, business, dev),
          ...Object.fromEntries(names.map((name) => [name, malformed])),
          ...Object.fromEntries(Object.keys(service.secrets).map((name) => [secretVariable(name), 'a-value'])),
          K_SERVICE: service.name,
          K_REVISION: `${service.name}-00001`,
          PORT: '1',
        },
      })
      const [output, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')])
      expect(output).toContain(`${service.name} does not start. `)
      for (const name of names) expect(output).toContain(`The setting ${name} has a wrong value: ${name}: `)
      expect(code).toBe(1)
    },
  )

  it.each(names)('gets no variables with a malformed %s', (name) => {
    expect(() => variablesOf(service, ...withMalformed(name))).toThrow(`The setting ${name} has a wrong value: `)
  })
})

it.runIf(readers.length > 0)('no stack is synthesized with a malformed setting', () => {
  const [name] = readers[0]!.settings.map((setting) => setting.name)
  const [malformedBusiness, environment] = withMalformed(name!)
  expect(() => synthesize(environment, malformedBusiness)).toThrow(`The setting ${name} has a wrong value: `)
})
