/** A copy of the sources without the shop, with unrelated services: a help desk. */

import { cpSync, globSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Copy, copyOfSources } from '../../support/copy.ts'
import { root } from '../../support/root.ts'

export function helpDeskCopy(): Copy {
  const copy = copyOfSources()
  removeShop(copy)
  addHelpDesk(copy)
  return copy
}

const vitestConfig = `import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: { isolate: false, env: { METADATA_SERVER_DETECTION: 'none' }, testTimeout: 60_000 },
})
`

function change<Json>(copy: Copy, path: string, edit: (json: Json) => void): void {
  const json = JSON.parse(copy.read(path)) as Json
  edit(json)
  copy.write(path, `${JSON.stringify(json, null, 2)}\n`)
}

interface Packages {
  readonly dependencies: Record<string, string>
  readonly devDependencies: Record<string, string>
}

/** All of functions/ and legacy/, and the tests, documents, commands and packages that are about it. */
function removeShop(copy: Copy): void {
  for (const path of ['functions', 'legacy', 'test', 'docs']) rmSync(join(copy.root, path), { recursive: true })
  const ofShop = [
    '@asyncapi/specs',
    '@connectrpc/connect-node',
    '@duckdb/node-api',
    '@google-cloud/firestore',
    '@hyperjump/browser',
    '@hyperjump/json-schema',
    'csv-parse',
    'dinero.js',
    'graphql-http',
    'graphql-sse',
    'stripe',
  ]
  const uninstall = ({ dependencies, devDependencies }: Packages): void => {
    for (const name of ofShop) {
      delete dependencies[name]
      delete devDependencies[name]
    }
  }
  change<{ scripts: Record<string, string> } & Packages>(copy, 'package.json', (manifest) => {
    for (const [name, command] of Object.entries(manifest.scripts))
      if (/ (test|legacy|functions\/shop)\//.test(command)) delete manifest.scripts[name]
    uninstall(manifest)
  })
  change<{ packages: Record<string, Packages> }>(copy, 'package-lock.json', ({ packages }) => uninstall(packages['']!))
  copy.write('vitest.config.ts', vitestConfig)
  // A business may use less of shared/ than the shop does: the rest is no dead code.
  change<{ workspaces: Record<string, { entry: string[] }> }>(copy, 'knip.json', ({ workspaces }) => {
    workspaces['.']!.entry.push('shared/**/*.ts!', 'emulators/{partner-server,start}.ts!')
  })
  copy.run('oxfmt/bin/oxfmt', 'package.json', 'knip.json')
}

/** Two steps up fewer than in its own folder, each import is that of a file of functions/. */
function addHelpDesk(copy: Copy): void {
  const from = join(root, 'test', 'another-business', 'functions')
  cpSync(from, join(copy.root, 'functions'), { recursive: true })
  for (const file of ['apps.ts', 'compile.ts', 'main.ts'])
    cpSync(join(root, 'functions', file), join(copy.root, 'functions', file))
  for (const path of globSync('functions/**/*.ts', { cwd: from + '/..' }))
    copy.write(
      path,
      copy.read(path).replaceAll(/'(\.\.\/)+(?=(shared|cli)\/)/g, (up) => up.replace('../../', '')),
    )
}
