/** The Admin API v2, as far as the stacks use it: https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.services */

import { type Handler, Hono } from 'hono'
import { checkedBody } from '../../core/api/checked-body.ts'
import type { Http } from '../../core/service.ts'
import { StatusError } from '../../core/status.ts'
import type { CloudRunCore } from '../core.ts'
import { serviceSchema, type ServiceResource, startsAnotherProgram } from '../values/service.ts'
import { type WorkerPoolResource, workerPoolSchema } from '../values/worker-pool.ts'

const collection = '/v2/projects/:project/locations/:location/services'
const pools = '/v2/projects/:project/locations/:location/workerPools'

export function runRoutes(core: CloudRunCore, secretRemedy: string): Http {
  const app: Http = new Hono()
  const nameOf = (path: string): string => path.replace(/^\/v2\//, '')
  /** Long-running operations are done when they are answered. */
  const done = (resource: Resource): object => ({
    name: 'projects/-/locations/-/operations/done',
    done: true,
    response: inJson(resource),
  })

  /** @throws PERMISSION_DENIED when it would start another program than `before`, and the secret is missing. */
  const refuseAnotherProgram = (
    c: Parameters<Handler>[0],
    after: Partial<Pick<Resource, 'template'>>,
    before?: Partial<Pick<Resource, 'template'>>,
  ): void => {
    if (c.get('context').hasSecret || !startsAnotherProgram(after, before)) return
    throw new StatusError(
      'PERMISSION_DENIED',
      `template.containers: the command, args and env of a local service are a program that runs as you: the synthesized stacks set them, or a request with the secret of this run. ${secretRemedy}`,
    )
  }
  const serviceOf = async (c: Parameters<Handler>[0], before?: ServiceResource): Promise<Partial<ServiceResource>> => {
    const body = checkedBody(await c.req.text(), serviceSchema) as Partial<ServiceResource>
    refuseAnotherProgram(c, { ...before, ...body }, before)
    return body
  }

  app.post(collection, async (c) => {
    const { project, location } = c.req.param()
    const id = c.req.query('serviceId') ?? ''
    return c.json(done(await core.create(`projects/${project}/locations/${location}`, id, await serviceOf(c))))
  })
  app.get(collection, (c) => c.json({ services: core.list(nameOf(c.req.path).replace(/\/services$/, '')).map(inJson) }))
  app.get(`${collection}/:service{[^:]+}`, (c) => c.json(inJson(core.get(nameOf(c.req.path)))))
  app.patch(`${collection}/:service`, async (c) =>
    c.json(done(await core.update(nameOf(c.req.path), await serviceOf(c, core.get(nameOf(c.req.path)))))),
  )
  app.delete(`${collection}/:service`, async (c) => c.json(done(await core.delete(nameOf(c.req.path)))))

  const poolOf = async (
    c: Parameters<Handler>[0],
    before?: WorkerPoolResource,
  ): Promise<Partial<WorkerPoolResource>> => {
    const body = checkedBody(await c.req.text(), workerPoolSchema) as Partial<WorkerPoolResource>
    refuseAnotherProgram(c, { ...before, ...body }, before)
    return body
  }
  const { workerPools } = core
  app.post(pools, async (c) => {
    const { project, location } = c.req.param()
    const id = c.req.query('workerPoolId') ?? ''
    return c.json(done(await workerPools.create(`projects/${project}/locations/${location}`, id, await poolOf(c))))
  })
  app.get(pools, (c) =>
    c.json({ workerPools: workerPools.list(nameOf(c.req.path).replace(/\/workerPools$/, '')).map(inJson) }),
  )
  app.get(`${pools}/:pool`, (c) => c.json(inJson(workerPools.get(nameOf(c.req.path)))))
  app.patch(`${pools}/:pool`, async (c) =>
    c.json(done(await workerPools.update(nameOf(c.req.path), await poolOf(c, workerPools.get(nameOf(c.req.path)))))),
  )
  app.delete(`${pools}/:pool`, async (c) => c.json(done(await workerPools.delete(nameOf(c.req.path)))))
  app.get('/_local/run/processes', (c) => c.json({ processes: core.processes(), services: core.states() }))
  app.get('/_local/run/services', async (c) => {
    const path = c.req.query('health')
    if (path !== undefined && !/^\/[\w./-]{0,200}$/.test(path))
      throw new StatusError('INVALID_ARGUMENT', `health is the path that each instance is asked for, not "${path}".`)
    return c.json({ services: await core.report(path) })
  })
  return app
}

type Resource = ServiceResource | WorkerPoolResource

/** An int64 is a string in Google's JSON. */
const inJson = (resource: Resource): object => ({
  ...resource,
  generation: String(resource.generation),
  observedGeneration: String(resource.generation),
})
