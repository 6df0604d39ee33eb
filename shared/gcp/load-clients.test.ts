import { execFileSync } from 'node:child_process'
import { expect, it } from 'vitest'

/** The packages that are loaded in a process of its own afterwards, and whether it ends by itself. */
function loadedBy(needed: object): string[] {
  const script = `
    import { registerHooks } from 'node:module'
    const loaded = new Set()
    registerHooks({ load(url, context, next) { loaded.add(/node_modules\\/((@[\\w-]+\\/)?[\\w-]+)/.exec(url)?.[1]); return next(url, context) } })
    const { loadClients } = await import(${JSON.stringify(new URL('load-clients.ts', import.meta.url).href)})
    await loadClients(${JSON.stringify(needed)})
    console.log(JSON.stringify([...loaded].filter((name) => name?.startsWith('@google-cloud/') || name === 'google-auth-library')))`
  // Without credentials, a metadata server or an emulator: nothing is asked for.
  const env = { PATH: process.env['PATH'], METADATA_SERVER_DETECTION: 'none' }
  const out = execFileSync(process.execPath, ['--input-type=module', '--eval', script], { env, encoding: 'utf8' })
  return (JSON.parse(out) as string[]).toSorted()
}

const none = { firestore: false, pubsub: false, tasks: false, idTokens: false }

it('loads the clients that a service needs, and no others, without credentials or a connection', () => {
  expect(loadedBy(none)).toEqual([])
  expect(loadedBy({ ...none, tasks: true })).toContain('@google-cloud/tasks')
  const all = loadedBy({ firestore: true, pubsub: true, tasks: true, idTokens: true })
  expect(all).toEqual(
    expect.arrayContaining(['@google-cloud/firestore-api', '@google-cloud/pubsub-api', '@google-cloud/tasks']),
  )
  expect(loadedBy({ ...none, firestore: true })).not.toContain('@google-cloud/pubsub-api')
})
