import { mkdtempSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { warmUp } from './warm-up.ts'
import { restartFor, watchServices, type Watched } from './watch.ts'

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
    await restartFor([path('functions/seating/rules.ts')], { ...watched(), ...types })
    expect([restarted, before]).toEqual([['seating'], ['seating']])
    expect(lines).toEqual(['seating/rules.ts changed: seating restarted in N s'])
    await restartFor([path('shared/ids.ts'), path('shared/none.ts')], watched())
    expect(restarted).toEqual(['seating', 'seating', 'tickets'])
    expect(lines.at(-1)).toBe('shared/ids.ts and 1 more changed: tickets restarted in N s')
  })

  it('that no service imports restarts none, and one that npm start reads asks for a new start', async () => {
    await restartFor([path('functions/seating/service.ts')], watched())
    expect(restarted).toEqual([])
    expect(lines).toEqual(['seating/service.ts is read by npm start itself: restart npm start to apply the change'])
  })

  it('with a broken import restarts its service, whose start reports the error', async () => {
    write('functions/seating/rules.ts', "import { id } from './gone.ts'")
    fails = true
    await restartFor([path('functions/seating/rules.ts')], watched())
    expect(restarted).toEqual(['seating'])
    expect(lines).toEqual(['seating/rules.ts changed: seating does not start, for the reason above'])
  })

  it('of a service that is scaled to zero prepares its start too, because what it imports may have changed', async () => {
    let prepared = 0
    const prepare = async (): Promise<void> => void (prepared += 1)
    await restartFor([path('functions/posters/app.ts')], { ...watched(), prepare })
    expect([prepared, restarted]).toEqual([1, []])
    await restartFor([path('functions/posters/app.test.ts')], { ...watched(), prepare })
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
