/** From saving a file to the answer of the changed code, by `npm start` in a copy of the sources. */

import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { freeBlock } from 'local-google-cloud/host'
import { type Api, connect } from '../../cli/api.ts'
import type { Running } from '../../emulators/running.ts'
import { temporaryDirectory } from '../support/command.ts'
import { copyOfSources } from '../support/copy.ts'
import { median, rounded } from './measure.ts'
import type { Section } from './section.ts'

const POLL_MS = 10
/** A changed answer must come within this time. */
const LIMIT_MS = 60_000

/** Each changes the text of catalog's refusal of an unknown product. */
const edits = [
  {
    what: 'a handler of catalog',
    file: 'functions/catalog/app.ts',
    from: 'There is no product ${sku}.',
    to: (edit: number) => `There is no product \${sku}. Edit ${edit}.`,
  },
  {
    what: 'a file that every service imports',
    file: 'shared/base/errors.ts',
    from: 'super(detail)',
    to: (edit: number) => `super(\`\${detail} Edit ${edit}.\`)`,
  },
] as const

export const editing: Section = {
  name: 'editing',
  about: 'seconds from saving a source file to the first answer of the changed code, under npm start',
  async run({ runs }) {
    const copy = copyOfSources()
    const data = temporaryDirectory()
    const child = spawn(process.execPath, ['emulators/run.ts', '--port', String(await freeBlock())], {
      cwd: copy.root,
      env: { ...process.env, MILLRACE_DATA: data.path },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    try {
      await new Promise<void>((resolve, reject) => {
        let output = ''
        child.stdout.on('data', (chunk: Buffer) => {
          output += String(chunk)
          if (/ started: /.test(output)) resolve()
        })
        child.once('close', (code) => reject(new Error(`npm start ended with ${code}:\n${output}`)))
      })
      const running = JSON.parse(readFileSync(join(data.path, 'running.json'), 'utf8')) as Running
      const api = connect(running, { sub: 'customer-1', roles: ['customer'] })
      const rows = []
      for (const { what, file, from, to } of edits) {
        const original = copy.read(file)
        const seconds: number[] = []
        for (let edit = 1; edit <= runs; edit++) {
          copy.write(file, original)
          copy.replace(file, from, to(edit))
          seconds.push((await msUntilSeen(api, `Edit ${edit}.`)) / 1000)
        }
        copy.write(file, original)
        await untilText(api, (text) => !text.includes('Edit'))
        rows.push({ edit: what, 'seconds until it is seen': rounded(median(seconds), 2) })
      }
      return [{ title: `medians of ${runs} edits`, rows }]
    } finally {
      child.kill('SIGTERM')
      await new Promise((resolve) => (child.exitCode === null ? child.once('close', resolve) : resolve(undefined)))
      data.remove()
      copy.remove()
    }
  },
}

const msUntilSeen = async (api: Api, expected: string): Promise<number> => {
  const savedMs = performance.now()
  await untilText(api, (text) => text.includes(expected))
  return performance.now() - savedMs
}

/** Asks for an unknown product until the refusal has such a text; while catalog restarts, requests fail. @throws Error at the limit */
async function untilText(api: Api, isExpected: (text: string) => boolean): Promise<void> {
  const endMs = performance.now() + LIMIT_MS
  let text = ''
  do {
    await pause(POLL_MS)
    text = await api.send('GET', '/v2/products/NONE').then(() => '', String)
    if (isExpected(text) && text.includes('NONE')) return
  } while (performance.now() < endMs)
  throw new Error(`The edit was not seen within ${LIMIT_MS / 1000} s; the last answer was: ${text}`)
}
