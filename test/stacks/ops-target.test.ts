/** Operating a deployed environment: the addresses are those that its stacks gave it. */

import { describe, expect, it } from 'vitest'
import { services } from '../../functions/index.ts'
import { environments } from '../../stacks/environments.ts'
import { targetFrom } from '../../cli/ops/target.ts'

const { dev } = environments

const deployed = { project: dev.projectId, 'project-number': dev.projectNumber, region: dev.region }

describe('a deployed environment', () => {
  it("has the addresses that its stacks gave it, and Google's own endpoints", async () => {
    const target = targetFrom(deployed)
    expect(target.serviceUrls).toEqual(Object.fromEntries(services.map(({ name }) => [name, dev.serviceUrl(name)])))
    expect(await target.clientOptions()).toEqual({ projectId: dev.projectId })
  })

  it('is asked with a token, and says where that is to be', () => {
    expect(() => targetFrom(deployed, '').api('jo')).toThrow('MILLRACE_TOKEN')
    expect(() => targetFrom(deployed, 'token').api('jo')).not.toThrow()
  })

  it.each([
    [{ project: 'p' }, '--project ID and --project-number N'],
    [{ 'project-number': '1' }, '--project ID and --project-number N'],
    [{ project: 'p', 'project-number': 'one' }, 'takes digits, not "one": gcloud projects describe p '],
  ])('is named whole: %j is not', (values, says) => {
    expect(() => targetFrom(values)).toThrow(says)
  })
})
