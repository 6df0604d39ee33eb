/** Operating a deployed environment by the addresses of its stacks. */

import { describe, expect, it } from 'vitest'
import { services } from '../../functions/index.ts'
import { environments } from '../../stacks/environments.ts'
import { targetFrom } from '../../cli/ops/target.ts'

const { dev } = environments

const deployed = { project: dev.projectId, 'project-number': dev.projectNumber, region: dev.region }

describe('a deployed environment', () => {
  it("has the addresses of its stacks, and Google's own endpoints", async () => {
    const target = targetFrom(deployed)
    expect(target.serviceUrls).toEqual(Object.fromEntries(services.map(({ name }) => [name, dev.serviceUrl(name)])))
    expect(await target.clientOptions()).toEqual({ projectId: dev.projectId })
  })

  it('is called with a token, and a missing token is reported with its variable', () => {
    expect(() => targetFrom(deployed, '').api('jo')).toThrow('MILLRACE_TOKEN')
    expect(() => targetFrom(deployed, 'token').api('jo')).not.toThrow()
  })

  it.each([
    [{ project: 'p' }, '--project ID and --project-number N'],
    [{ 'project-number': '1' }, '--project ID and --project-number N'],
    [{ project: 'p', 'project-number': 'one' }, 'takes digits, not "one": gcloud projects describe p '],
  ])('must be named completely: %j is refused', (values, says) => {
    expect(() => targetFrom(values)).toThrow(says)
  })
})
