import { mkdtempSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { warmUp } from './warm-up.ts'
import { makeRestarts, watchServices, type Watched } from './watch.ts'

let root: string
let restarted: string[]
let lines: string[]
let fails: boolean

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'watch-'))
  onTestFinished(() => rmSync(root, { recursive: true }))
  for (const folder of ['seating', 'tickets', 'posters'])
    mkdirSync(join(root, 'functions', folder), { recursive: true })
  mkdirSync(join(root, 'shared'))
  write('shared/ids.ts', 'export const id = 1')
  write('functions/seating/rules.ts', "import { id } from '../../shared/ids.ts'")
  write('functions/seating/app.ts', "import { rule } from './rules.ts'")
  write('functions/tickets/app.ts', "import { id } from '../../shared/ids.ts'")
  write('functions/posters/app.ts', "import { id } from '../../shared/ids.ts'")
  restarted = []
  lines = []
  fails = false
})

const path = (file: string): string => join(root, file)
const write = (file: string, text: string): void => writeFileSync(path(file), text)
const watched = (): Omit<Watched, 'root' | 'folders'> => ({
  run: {
    states: () => [
      { service: 'seating', state: 'running' },
      { service: 'tickets', state: 'failed', reason: 'x' },
      { service: 'posters', state: 'scaled-to-zero' },
    ],
    async restart(service) {
      restarted.push(service)
      if (fails) throw new Error('SyntaxError')
    },
  },
  entriesOf: (service) => [path(`functions/${service}/app.ts`)],
  isReadAtStart: (file) => file.endsWith('service.ts'),
  say: (line) => lines.push(line.replace(/\d+\.\d s/, 'N s')),
})

describe('a changed file', () => {
  it('restarts the services that import it, those whose start had failed too, and none that is scaled to zero', async () => {
    let before: readonly string[] = []
    const types = { restarted: () => void (before = [...restarted]) }
    await makeRestarts({ ...watched(), ...types })([path('functions/seating/rules.ts')])
    expect([restarted, before]).toEqual([['seating'], ['seating']])
    expect(lines).toEqual(['seating/rules.ts changed: seating restarted in N s'])
    await makeRestarts(watched())([path('shared/ids.ts'), path('shared/none.ts')])
    expect(restarted).toEqual(['seating', 'seating', 'tickets'])
    expect(lines.at(-1)).toBe('shared/ids.ts and 1 more changed: tickets restarted in N s')
  })

  it('of many services ends all processes at once, and starts two at a time, in the order of the services', async () => {
    const steps: string[] = []
    const starts = new Map<string, () => void>()
    const restart = async (service: string, turn?: Promise<unknown>): Promise<void> => {
      steps.push(`${service} ends`)
      await turn
      steps.push(`${service} starts`)
      await new Promise<void>((resolve) => void starts.set(service, resolve))
      if (service === 'a') throw new Error('SyntaxError')
    }
    const states = () => ['a', 'b', 'c', 'd'].map((service) => ({ service, state: 'running' }) as const)
    const restartFor = makeRestarts({
      ...watched(),
      entriesOf: () => [path('functions/tickets/app.ts')],
      run: { states, restart },
    })
    const done = restartFor([path('shared/ids.ts')])
    await expect.poll(() => steps).toEqual(['a ends', 'b ends', 'c ends', 'd ends', 'a starts', 'b starts'])
    // Whichever is ready first: the next one waits for none in particular.
    starts.get('b')!()
    await expect.poll(() => steps.at(-1)).toBe('c starts')
    starts.get('c')!()
    await expect.poll(() => steps.at(-1)).toBe('d starts')
    for (const service of ['d', 'a']) starts.get(service)!()
    await done
  })

  it('that comes while services start lets no more of them start at a time', async () => {
    const starting = new Map<string, () => void>()
    const began: string[] = []
    const restart = async (service: string, turn?: Promise<unknown>): Promise<void> => {
      await turn
      began.push(service)
      await new Promise<void>((resolve) => void starting.set(service, resolve))
    }
    const states = () => ['a', 'b', 'c', 'd'].map((service) => ({ service, state: 'running' }) as const)
    const restartFor = makeRestarts({
      ...watched(),
      entriesOf: (service) => [path(`functions/${['a', 'b'].includes(service) ? 'tickets' : 'posters'}/app.ts`)],
      run: { states, restart },
    })
    const both = [restartFor([path('functions/tickets/app.ts')]), restartFor([path('functions/posters/app.ts')])]
    await expect.poll(() => began).toEqual(['a', 'b'])
    // A third one would have begun by then.
    await new Promise(setImmediate)
    expect(began).toEqual(['a', 'b'])
    for (const [ready, next] of [
      ['a', 'c'],
      ['b', 'd'],
    ] as const) {
      starting.get(ready)!()
      await expect.poll(() => began.at(-1)).toBe(next)
    }
    for (const service of ['c', 'd']) starting.get(service)!()
    await Promise.all(both)
  })

  it('that comes before the last one is done takes over the services that wait for their start', async () => {
    const steps: string[] = []
    const starts: (() => void)[] = []
    let checks = 0
    let isFirst = true
    const states = () =>
      ['a', 'b', 'c'].map((service) => ({ service, state: isFirst ? 'running' : 'scaled-to-zero' }) as const)
    const restart = async (service: string, turn?: Promise<boolean>): Promise<void> => {
      steps.push(`${service} ends`)
      if (!(await turn)) return
      steps.push(`${service} starts`)
      await new Promise<void>((resolve) => void starts.push(resolve))
    }
    const restartFor = makeRestarts({
      ...watched(),
      entriesOf: () => [path('functions/tickets/app.ts')],
      run: { states, restart },
      restarted: () => void checks++,
    })
    const first = restartFor([path('shared/ids.ts')])
    await expect.poll(() => steps).toEqual(['a ends', 'b ends', 'c ends', 'a starts', 'b starts'])
    isFirst = false
    const second = restartFor([path('functions/tickets/app.ts')])
    await expect.poll(() => steps.slice(5)).toEqual(['c ends'])
    starts[0]!()
    await expect.poll(() => steps.slice(6)).toEqual(['c starts'])
    for (const start of starts) start()
    await Promise.all([first, second])
    expect(lines.map((line) => line.replace(/ in .*/, '')).toSorted()).toEqual([
      'shared/ids.ts changed: a restarted',
      'shared/ids.ts changed: b restarted',
      'tickets/app.ts changed: c restarted',
    ])
    expect([steps.length, checks]).toEqual([7, 1])
  })

  it('that no service imports restarts none, and one that npm start reads asks for a new start', async () => {
    await makeRestarts(watched())([path('functions/seating/service.ts')])
    expect(restarted).toEqual([])
    expect(lines).toEqual(['seating/service.ts is read by npm start itself: restart npm start to apply the change'])
  })

  it('with a broken import restarts its service, whose start reports the error', async () => {
    write('functions/seating/rules.ts', "import { id } from './gone.ts'")
    fails = true
    await makeRestarts(watched())([path('functions/seating/rules.ts')])
    expect(restarted).toEqual(['seating'])
    expect(lines).toEqual(['seating/rules.ts changed: seating does not start, for the reason above'])
  })

  it('of a service that is scaled to zero prepares its start too, because what it imports may have changed', async () => {
    let prepared = 0
    const prepare = async (): Promise<void> => void (prepared += 1)
    await makeRestarts({ ...watched(), prepare })([path('functions/posters/app.ts')])
    expect([prepared, restarted]).toEqual([1, []])
    await makeRestarts({ ...watched(), prepare })([path('functions/posters/app.test.ts')])
    expect(prepared).toBe(1)
  })

  it('for which nothing can be prepared is reported, and its service is restarted, now and at the next change', async () => {
    const prepare = (): Promise<void> => Promise.reject(new Error('The services import fast-check'))
    onTestFinished(await watchServices({ ...watched(), prepare, root, folders: ['functions', 'shared'] }))
    for (let time = 1; time <= 2; time++) {
      write('functions/seating/rules.ts', `import 'fast-check' // ${time}`)
      await expect.poll(() => restarted).toHaveLength(time)
      expect(lines.slice(-2)).toEqual([
        'seating/rules.ts changed: The services import fast-check',
        'seating/rules.ts changed: seating restarted in N s',
      ])
    }
  })

  it('is noticed when it is written, new imports included; tests are not', async () => {
    onTestFinished(await watchServices({ ...watched(), root, folders: ['functions', 'shared'] }))
    write('functions/seating/app.test.ts', '')
    write('shared/ids.ts', 'export const id = 2')
    await expect.poll(() => restarted).toEqual(['seating', 'tickets'])
    write('shared/new.ts', '')
    write('functions/seating/rules.ts', "import { id } from '../../shared/new.ts'")
    await expect.poll(() => restarted).toEqual(['seating', 'tickets', 'seating'])
    write('shared/new.ts', 'export const id = 3')
    await expect.poll(() => restarted).toEqual(['seating', 'tickets', 'seating', 'seating'])
  })

  it('is noticed each time that another file is renamed over it, as git and editors do', async () => {
    onTestFinished(await watchServices({ ...watched(), root, folders: ['functions', 'shared'] }))
    for (let time = 1; time <= 3; time++) {
      write('new-rules', `export const time = ${time}`)
      renameSync(path('new-rules'), path('functions/seating/rules.ts'))
      await expect.poll(() => restarted).toHaveLength(time)
    }
    write('functions/seating/rules.ts', 'export const time = 4')
    await expect.poll(() => restarted).toHaveLength(4)
  })
})

it('a warm-up starts every service, and returns those that do not start', async () => {
  const warmed: string[] = []
  const warm = async (service: string): Promise<void> => {
    warmed.push(service)
    if (service === 'tickets') throw new Error('tickets did not start')
  }
  expect(await warmUp({ warm }, ['seating', 'tickets', 'posters'])).toEqual(['tickets'])
  expect(warmed).toEqual(['seating', 'tickets', 'posters'])
})
