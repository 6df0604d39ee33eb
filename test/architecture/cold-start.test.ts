/** A service starts without any client of Google or Stripe, and without OpenTelemetry, gRPC and GraphQL, and a command of operators without the local cloud: each costs a hundred milliseconds or more, and is imported when it is first used. */

import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { describe, expect, it } from 'vitest'
import { services } from '../../functions/index.ts'
import { hasCodeAtEdge } from '../../shared/service/api.ts'
import { modulesFrom } from '../../cli/import-graph.ts'
import { root } from '../support/root.ts'

const heavy =
  /^(@google-cloud\/|google-auth-library|google-gax|@grpc\/|@connectrpc\/|@bufbuild\/|(graphql|dataloader|stripe)($|\/)|@opentelemetry\/)/

const entries = [
  { name: 'main', file: 'functions/main.ts' },
  ...services.map(({ name }) => ({ name, file: `functions/${name}/app.ts` })),
  ...services.flatMap(({ name, api }) =>
    api && hasCodeAtEdge(api) ? { name: `${name} at the edge`, file: `functions/${name}/edge.ts` } : [],
  ),
]

describe.each(entries)('$name', ({ file }) => {
  it('imports clients of Google and Stripe, OpenTelemetry, gRPC and GraphQL only at their first use', () => {
    const found = modulesFrom(join(root, file)).flatMap((module) =>
      module.imports.map((name) => [name, relative(root, module.file)] as const),
    )
    expect(found.length).toBeGreaterThan(3)
    expect(found.filter(([name]) => heavy.test(name))).toEqual([])
  })
})

const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  readonly scripts: Readonly<Record<string, string>>
}
const commandsOfBusiness = Object.values(scripts).flatMap((script) => /functions\/\S+\.ts/.exec(script) ?? [])

const ofTheLocalCloud = /^(hono|protobufjs|local-google-cloud)(\/|$)/
const commands = [
  'cli/ops.ts',
  'cli/logs.ts',
  'cli/trace.ts',
  'cli/metrics.ts',
  'cli/publish.ts',
  'cli/query.ts',
  'cli/token.ts',
  ...commandsOfBusiness,
]

describe.each(commands)('%s', (file) => {
  it('imports nothing that only a running local cloud needs', () => {
    const found = modulesFrom(join(root, file)).flatMap((module) =>
      module.imports.map((name) => [name, relative(root, module.file)] as const),
    )
    expect(found.length).toBeGreaterThan(3)
    expect(found.filter(([name]) => ofTheLocalCloud.test(name) || heavy.test(name))).toEqual([])
  })
})
