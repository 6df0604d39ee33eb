import { expect, it } from 'vitest'
import { circuitsIn, instanceRows } from './rows.ts'

const common = { service: 'seats', address: 'http://127.0.0.1:1', revision: 'seats-00002', waiting: 3, circuits: {} }

it('has a row for each instance, with what it answered about its health', () => {
  const ready = { state: 'ready', pid: 7, revision: 'seats-00002', active: 2 } as const
  const instances = [
    { ...ready, health: { status: 200, text: '{"status":"degraded"}' } },
    { ...ready, health: { status: 200, text: '{"status":"ready"}' } },
    { ...ready, health: { status: 503, text: '{"status":"not-ready"}' } },
    { ...ready, health: { status: 404, text: 'nothing' } },
    { ...ready, health: 'silent' },
    { ...ready, state: 'ending', revision: 'seats-00001' },
    { state: 'starting', active: 0 },
  ] as const
  const service = { ...common, state: 'running', instances } as const
  const rows = instanceRows({ ...service, circuits: { catalog: 'open' } })
  expect(rows.map(({ state, revision, pid, requests, health }) => [state, revision, pid, requests, health])).toEqual([
    ['ready', 'seats-00002', 7, 2, 'degraded'],
    ['ready', 'seats-00002', 7, 2, 'ready'],
    ['ready', 'seats-00002', 7, 2, 'not-ready'],
    ['ready', 'seats-00002', 7, 2, 'status 404'],
    ['ready', 'seats-00002', 7, 2, 'no answer'],
    ['ending', 'seats-00001', 7, 2, ''],
    ['starting', 'seats-00002', '', 0, ''],
  ])
  expect(rows[0]).toMatchObject({ waiting: 3 })
  expect(rows.map(({ circuits }) => circuits)).toEqual(['catalog open', 'closed', '', '', '', '', ''])
  // Its log has lost the line.
  expect(instanceRows(service)[0]).toMatchObject({ circuits: 'open' })
})

it('has a row for a service without an instance', () => {
  expect(instanceRows({ ...common, state: 'scaled-to-zero', instances: [] })).toMatchObject([
    { service: 'seats', state: 'scaled-to-zero', revision: 'seats-00002', pid: '', health: '', circuits: '' },
  ])
})

it('has a row for each worker of a pool, which takes no requests', () => {
  const instances = [{ state: 'ready', pid: 7, revision: 'seats-pull-00001' }, { state: 'starting' }] as const
  const pool = {
    service: 'seats-pull',
    revision: 'seats-pull-00002',
    waiting: 0,
    circuits: {},
    state: 'running',
    instances,
  } as const
  expect(instanceRows(pool).map((row) => Object.values(row))).toEqual([
    ['seats-pull', 'seats-pull-00001', 'ready', 7, '', '', '', '', ''],
    ['seats-pull', 'seats-pull-00002', 'starting', '', '', '', '', '', ''],
  ])
})

it('knows the circuits that are not closed by the last line about each', () => {
  const line = (callee: string, state: string) => JSON.stringify({ message: 'circuit.changed', callee, state })
  const lines = [
    line('catalog', 'open'),
    line('history', 'open'),
    'a stack trace with "circuit.changed"',
    JSON.stringify({ message: 'other', reason: '"circuit.changed"', callee: 'orders', state: 'open' }),
    line('catalog', 'half-open'),
    line('history', 'closed'),
  ]
  expect(circuitsIn(lines)).toEqual({ catalog: 'half-open' })
})

it('knows nothing of the circuits of processes that have ended', () => {
  const lines = ['2026-11-30T10:00:00.000Z', '2026-11-30T12:00:00.000Z'].map((time, at) =>
    JSON.stringify({ message: 'circuit.changed', time, callee: `callee-${at}`, state: 'open' }),
  )
  expect(circuitsIn(lines, '2026-11-30T11:00:00.000Z')).toEqual({ 'callee-1': 'open' })
})
