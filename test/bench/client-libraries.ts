/** The cost of importing each library in a starting service, eagerly and at the first request, compared with bare Hono. */

import { fork } from 'node:child_process'
import { join } from 'node:path'
import { median, rounded } from './measure.ts'
import type { Section } from './section.ts'

const libraries = [
  '@google-cloud/firestore',
  '@google-cloud/pubsub',
  '@google-cloud/tasks',
  '@google-cloud/bigquery',
  '@google-cloud/functions-framework',
]

interface Start {
  readonly listeningMs: number
  readonly handledMs: number
  readonly cpuMs: number
}

export const clientLibraries: Section = {
  name: 'libraries',
  about: 'time to listening and to the first handled event, CPU-ms: each client library, eager and on first use',
  async run({ runs }) {
    const variants: [library: string, when: 'never' | 'eager' | 'lazy'][] = [
      ['hono', 'never'],
      ...libraries.flatMap((library) => [[library, 'eager'] as const, [library, 'lazy'] as const].map((v) => [...v])),
    ] as [string, 'never' | 'eager' | 'lazy'][]
    // One run fills the disk's cache.
    for (const [library, when] of variants) await start(library, when)
    const starts = new Map<string, Start[]>(variants.map((variant) => [variant.join(' '), []]))
    // Alternate, so that a slow minute affects every library.
    for (let at = 0; at < runs; at++)
      for (const [library, when] of variants) starts.get(`${library} ${when}`)!.push(await start(library, when))
    const of = (variant: string, figure: keyof Start): number =>
      rounded(median(starts.get(variant)!.map((one) => one[figure])), 0)
    const rows = variants.map(([library, when]) => ({
      library: when === 'never' ? 'bare Hono' : library,
      import: when === 'never' ? '·' : when === 'eager' ? 'at start' : 'on first request',
      'listening ms': of(`${library} ${when}`, 'listeningMs'),
      'first handled ms': of(`${library} ${when}`, 'handledMs'),
      'CPU-ms': of(`${library} ${when}`, 'cpuMs'),
    }))
    return [{ title: `a service's start, medians of ${runs} runs`, rows }]
  },
}

async function start(library: string, when: string): Promise<Start> {
  const startedMs = performance.now()
  const child = fork(join(import.meta.dirname, 'client-library.child.ts'), [library, when])
  try {
    return await new Promise<Start>((resolve, reject) => {
      let listeningMs = 0
      child.once('error', reject)
      child.once('exit', (code) => reject(new Error(`The service with ${library} ended with ${code}.`)))
      child.on('message', ({ port, what, cpuMs }: { port?: number; what?: string; cpuMs?: number }) => {
        if (port !== undefined) {
          listeningMs = performance.now() - startedMs
          const body = JSON.stringify({ subscription: 's', message: { data: 'e30=' } })
          fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body }).then((answer) => answer.arrayBuffer(), reject)
        } else if (what === 'handled') resolve({ listeningMs, handledMs: performance.now() - startedMs, cpuMs: cpuMs! })
      })
    })
  } finally {
    child.removeAllListeners('exit')
    child.disconnect()
  }
}
