/** No service can find out where it runs: it loads nothing of the local cloud, and only one file reads the environment. */

import { join, relative } from 'node:path'
import { Visitor } from 'oxc-parser'
import { describe, expect, it } from 'vitest'
import { business, services } from '../../functions/index.ts'
import { environments, localEnvironment, localPorts } from '../../stacks/environments.ts'
import { variablesOf } from '../../stacks/service-variables.ts'
import { hasCodeAtEdge } from '../../shared/service/api.ts'
import { modulesFrom, type Module } from '../../cli/import-graph.ts'
import { root } from '../support/root.ts'

const CONFIG = 'shared/base/config.ts'
/** The files that functions/main.ts imports. */
const entries = [
  'shared/runtime/serve.ts',
  ...services.map(({ name }) => `functions/${name}/app.ts`),
  ...services.flatMap(({ name, api }) => (api && hasCodeAtEdge(api) ? `functions/${name}/edge.ts` : [])),
]
/** The list of services, which the stacks read too, and the values of settings that these write. */
const LIST = 'functions/index.ts'
const ofStacks = [LIST, 'functions/shop/settings.ts']
const modules = [
  ...new Map(
    entries.flatMap((entry) => modulesFrom(join(root, entry), { lazy: true })).map((module) => [module.file, module]),
  ).values(),
]
const nameOf = ({ file }: Module): string => relative(root, file)

const isProcess = (node: { type: string }): boolean =>
  node.type === 'Identifier' && 'name' in node && node.name === 'process'

/** Where the module reads `process.env`, asks for the module of `process`, or has a text that only a laptop has. */
function asks({ program, imports }: Module): string[] {
  const found = imports.filter((name) => /^(node:)?process$/.test(name))
  const text = (value: unknown): void => {
    if (typeof value === 'string' && /local(host|-google)|127\.0\.0\.1|\[?::1\]?$|emulator|NODE_ENV/i.test(value))
      found.push(value)
  }
  new Visitor({
    MemberExpression({ object, property }) {
      const name = 'name' in property ? property.name : 'value' in property ? property.value : undefined
      if (isProcess(object) && name === 'env') found.push('process.env')
    },
    VariableDeclarator({ init }) {
      if (init && isProcess(init)) found.push('process')
    },
    Literal: ({ value }) => text(value),
    TemplateElement: ({ value }) => text(value.cooked),
  }).visit(program)
  return found
}

describe('the programs of the services', () => {
  it('load functions/ and shared/, and nothing of the local cloud', () => {
    expect(modules.length).toBeGreaterThan(80)
    expect(modules.map(nameOf).filter((file) => !/^(functions|shared)\//.test(file))).toEqual([])
    expect(modules.flatMap(({ imports }) => imports).filter((name) => name.startsWith('local-google-cloud'))).toEqual(
      [],
    )
  })

  it('read the list of services only to serve the operations of all', () => {
    const reading = modules.filter(({ imports }) => imports.includes(join(root, LIST))).map(nameOf)
    expect(reading).toEqual(
      services.flatMap(({ name, ingress }) => (ingress === 'public' ? `functions/${name}/app.ts` : [])),
    )
  })

  it('read the environment in one file, and have no text that only a laptop has', () => {
    const asking = modules
      .map((module) => [nameOf(module), asks(module)] as const)
      .filter(([, found]) => found.length > 0)
    expect(asking.filter(([file]) => file !== CONFIG && !ofStacks.includes(file))).toEqual([])
    // The check can fail: it finds the variables that this one file reads.
    expect(asking.find(([file]) => file === CONFIG)?.[1]).toContain('process.env')
  })
})

describe.each(services.map((service) => [service.name, service] as const))('%s', (_, service) => {
  const local = localEnvironment(localPorts(4100, business))
  const written = (environment: Parameters<typeof variablesOf>[2]) => variablesOf(service, business, environment)

  it('gets the same variables everywhere', () => {
    for (const environment of Object.values(environments))
      expect(Object.keys(written(environment)).toSorted()).toEqual(Object.keys(written(local)).toSorted())
  })
})
