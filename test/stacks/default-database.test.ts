/** The database `(default)`: as at Google, it exists if a stack declares it, and `npm start` makes what the stacks declare. */

import { createLocalCloud, type LocalCloud } from 'local-google-cloud'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { emulators, planOf, resourcesOf } from '../../emulators/start.ts'
import { business } from '../../functions/index.ts'
import { synthesize } from '../../stacks/app.ts'
import { localEnvironment, localPorts } from '../../stacks/environments.ts'
import { root } from '../support/root.ts'

const environment = localEnvironment(localPorts(4100, business))
const databases = resourcesOf(synthesize(environment, business)).filter(
  ({ type }) => type === 'google_firestore_database',
)

let cloud: LocalCloud
beforeEach(async () => {
  const { projectId: id, projectNumber: number, region } = environment
  cloud = await createLocalCloud({
    plugins: emulators({ servicePort: () => 0, environmentOf: () => ({}), workingDirectory: root }),
    project: { id, number, region },
  })
})
afterEach(() => cloud.close())

async function names(resources: typeof databases): Promise<string[]> {
  for (const { resource, provisioner } of planOf(resources)) await provisioner.create(resource, cloud.api)
  const answer = await cloud.api('GET', `/v1/projects/${environment.projectId}/databases`)
  return (answer as { databases: { name: string }[] }).databases.map(({ name }) => name.split('/').at(-1)!)
}

it('does not exist under npm start, whose stacks declare a database for each service', async () => {
  const made = await names(databases)
  expect(made.length).toBeGreaterThan(5)
  expect(made).toEqual(databases.map(({ attributes }) => attributes['name']))
  expect(made).not.toContain('(default)')
})

it('exists if a stack declares it', async () => {
  const [first, ...others] = databases
  const declared = { ...first!, attributes: { ...first!.attributes, name: '(default)' } }
  expect(await names([declared, ...others])).toContain('(default)')
})
