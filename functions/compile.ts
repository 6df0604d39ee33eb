/**
 * Run when the image is built: it loads what each service loads when it starts, and every package. Node keeps what it compiled in the
 * folder that NODE_COMPILE_CACHE names, where an instance finds it.
 */

import { readFileSync } from 'node:fs'
import { loadCode } from '../shared/runtime/serve.ts'
import { loadApp } from './apps.ts'
import { services } from './index.ts'

for (const service of services) await loadCode(service, () => loadApp(service.name), 'none')
await import('../shared/runtime/work.ts')
await import('../shared/edge/rpc-calls.ts')
await import('../shared/edge/graphql-calls.ts')
// Some are loaded at their first use.
const imported = readFileSync(new URL('../node_modules/imported.json', import.meta.url), 'utf8')
for (const name of JSON.parse(imported) as string[]) await import(name)
