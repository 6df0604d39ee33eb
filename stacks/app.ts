/** The stacks of an environment, in the order in which they are applied; synthesized to files or in memory. */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { StackJson } from 'local-google-cloud'
import { type Business, servicesOf } from '../shared/service/business.ts'
import { stackOrderOf } from '../shared/service/stack-order.ts'
import { BusStack } from './bus-stack.ts'
import { App, withoutCreationStacks } from './cdktf.ts'
import { checkEnvironment } from './check-environment.ts'
import type { Environment } from './environments.ts'
import type { EnvironmentStack } from './environment-stack.ts'
import { ObservabilityStack } from './observability-stack.ts'
import { PlatformStack } from './platform-stack.ts'
import { preventDestruction } from './protection.ts'
import { ServiceStack } from './service-stack.ts'

/** @throws Error that names each reference of the business or the environment to something undeclared. */
export const addEnvironment = (app: App, environment: Environment, business: Business): string[] =>
  withoutCreationStacks(() => stacksOf(app, environment, business))

function stacksOf(app: App, environment: Environment, business: Business): string[] {
  checkEnvironment(environment, business)
  const services = servicesOf(business)
  const byPart: Readonly<Record<string, EnvironmentStack>> = {
    platform: new PlatformStack(app, services, environment),
    bus: new BusStack(app, business, environment),
    ...Object.fromEntries(
      services.map((service) => [service.name, new ServiceStack(app, service, business, environment)]),
    ),
    observability: new ObservabilityStack(app, business, environment),
  }
  for (const [part, before] of Object.entries(stackOrderOf(services)))
    for (const other of before) byPart[part]!.addDependency(byPart[other]!)
  const all = Object.values(byPart)
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
