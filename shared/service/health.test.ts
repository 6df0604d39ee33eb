import { createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import { createHealth, statusOf } from './health.ts'

const refused = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })

function started(away: readonly string[] = [], open: readonly string[] = []) {
  let nowMs = 0
  const probed: string[] = []
  const logged: unknown[] = []
  const state = { away: [...away], open: [...open] }
  const health = createHealth({
    dependencies: { Firestore: 'firestore:443', 'Pub/Sub': 'pubsub:443' },
    openCircuits: () => state.open,
    now: () => nowMs,
    log: (severity, event, fields) => void logged.push({ severity, event, ...fields }),
    async probe(address) {
      probed.push(address)
      if (state.away.includes(address)) throw refused
    },
  })
  return { health, probed, state, logged, advance: (ms: number) => void (nowMs += ms) }
}

describe('readiness', () => {
  it('is reported when every dependency can be reached', async () => {
    const { health } = started()
    expect(await health.readiness()).toEqual({ status: 'ready', reasons: [] })
  })

  it('names each unavailable dependency with its reason, and returns with them', async () => {
    const { health, state, advance } = started(['firestore:443', 'pubsub:443'])
    const readiness = await health.readiness()
    expect(readiness).toEqual({
      status: 'not-ready',
      reasons: [
        { dependency: 'Firestore', detail: 'can not be reached (ECONNREFUSED)' },
        { dependency: 'Pub/Sub', detail: 'can not be reached (ECONNREFUSED)' },
      ],
    })
    expect(statusOf(readiness)).toBe(503)
    state.away = []
    advance(2_000)
    expect((await health.readiness()).status).toBe('ready')
  })

  it('is logged once for each change, with the reasons', async () => {
    const { health, state, logged, advance } = started(['firestore:443'])
    for (let index = 0; index < 3; index++) await health.readiness()
    state.away = []
    advance(2_000)
    for (let index = 0; index < 3; index++) await health.readiness()
    expect(logged).toEqual([
      {
        severity: 'WARNING',
        event: 'readiness.changed',
        status: 'not-ready',
        reasons: [{ dependency: 'Firestore', detail: 'can not be reached (ECONNREFUSED)' }],
      },
      { severity: 'INFO', event: 'readiness.changed', status: 'ready', reasons: [] },
    ])
  })

  it('is degraded, not lost, while the circuit of a callee is open', async () => {
    const { health, state } = started([], ['history'])
    const readiness = await health.readiness()
    expect(readiness).toMatchObject({ status: 'degraded', reasons: [{ dependency: 'history' }] })
    expect(statusOf(readiness)).toBe(200)
    state.away = ['pubsub:443']
  })

  it('ends at SIGTERM without probing a dependency', async () => {
    const { health, probed } = started()
    health.stop()
    const readiness = await health.readiness()
    expect(readiness).toEqual({
      status: 'not-ready',
      reasons: [{ dependency: 'process', detail: 'received SIGTERM' }],
    })
    expect(probed).toEqual([])
  })

  it('probes each dependency once for a thousand concurrent requests', async () => {
    const { health, probed, advance } = started()
    await Promise.all(Array.from({ length: 1_000 }, () => health.readiness()))
    expect(probed).toHaveLength(2)
    advance(1_999)
    await health.readiness()
    expect(probed).toHaveLength(2)
    advance(1)
    await health.readiness()
    expect(probed).toHaveLength(4)
  })

  it('of a dependency is probed by a connection', async () => {
    const server = createServer((socket) => socket.end())
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    const probe = () =>
      createHealth({
        dependencies: { it: `127.0.0.1:${port}` },
        openCircuits: () => [],
        now: () => 0,
        log: () => {},
      }).readiness()
    expect((await probe()).status).toBe('ready')
    await new Promise((resolve) => server.close(resolve))
    expect(await probe()).toEqual({
      status: 'not-ready',
      reasons: [{ dependency: 'it', detail: 'can not be reached (ECONNREFUSED)' }],
    })
  })
})
