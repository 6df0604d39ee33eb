/** The stacks of an environment, in the order in which they are applied; synthesized to files or in memory. */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { StackJson } from 'local-google-cloud'
import { secretNamesOf } from '../shared/base/secret.ts'
import { type Business, servicesOf } from '../shared/service/business.ts'
import { checkBusiness, checkKnown } from '../shared/service/check-business.ts'
import { BusStack } from './bus-stack.ts'
import { App, withoutCreationStacks } from './cdktf.ts'
import { type Environment, secretsWithVersionIn } from './environments.ts'
import { ObservabilityStack } from './observability-stack.ts'
import { PlatformStack } from './platform-stack.ts'
import { preventDestruction } from './protection.ts'
import { ServiceStack } from './service-stack.ts'

/** @throws Error that names each reference of the business or the environment to something undeclared. */
export const addEnvironment = (app: App, environment: Environment, business: Business): string[] =>
  withoutCreationStacks(() => stacksOf(app, environment, business))

function stacksOf(app: App, environment: Environment, business: Business): string[] {
  checkBusiness(business, environment)
  const services = servicesOf(business)
  for (const released of Object.keys(environment.releases ?? {}))
    if (!services.some(({ name }) => name === released))
      throw new Error(`stacks/images.json has "${environment.name}/${released}", but there is no service ${released}.`)
  checkKnown(
    secretsWithVersionIn(environment.name),
    secretNamesOf(services),
    `versions of ${environment.name} in stacks/secret-versions.json`,
    'secret that a service names',
  )
  const platform = new PlatformStack(app, services, environment)
  const bus = new BusStack(app, business, environment)
  bus.addDependency(platform)
  const stacks = services.map((service) => new ServiceStack(app, service, business, environment))
  const observability = new ObservabilityStack(app, business, environment)
  const isInternal = (at: number): boolean => services[at]!.ingress === 'internal'
  for (const [at, stack] of stacks.entries()) {
    stack.addDependency(bus)
    // Its new revision may ask and submit what only new revisions of the others know.
    if (!isInternal(at)) for (const other of stacks.filter((_, index) => isInternal(index))) stack.addDependency(other)
    observability.addDependency(stack)
  }
  const all = [platform, bus, ...stacks, observability]
  if (environment.protectsData) for (const stack of all) preventDestruction(stack)
  return all.map(({ node }) => node.id)
}

/** Synthesizes one environment. Returns its stacks in the order in which they are applied. */
export function synthesize(environment: Environment, business: Business): StackJson[] {
  const outdir = mkdtempSync(join(tmpdir(), 'millrace-synth-'))
  try {
    const app = new App({ outdir, context: { excludeStackIdFromLogicalIds: true, allowSepCharsInLogicalIds: true } })
    const names = addEnvironment(app, environment, business)
    app.synth()
    return names.map((name) => ({
      name,
      json: JSON.parse(readFileSync(join(outdir, 'stacks', name, 'cdk.tf.json'), 'utf8')) as StackJson['json'],
    }))
  } finally {
    rmSync(outdir, { recursive: true })
  }
}
