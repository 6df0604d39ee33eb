/** `docs/resilience.md` has every call to another service and to a partner, with its time, as the code and the declarations have them. */

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseSync } from 'oxc-parser'
import { expect, it } from 'vitest'
import { isRecording, RECORD, writeFormatted } from '../../shared/contracts/records.testing.ts'
import { callsIn } from '../support/calls-in-source.ts'
import { resiliencePage } from '../support/resilience-page.ts'
import { root } from '../support/root.ts'

const file = join(root, 'docs/resilience.md')

/** Without the widths of columns, which the formatter sets. */
const words = (one: string): string => one.replaceAll(/[ -]*\|[ -]*/g, '|')

it('docs/resilience.md has every call as it is', () => {
  const recorded = existsSync(file) ? readFileSync(file, 'utf8') : ''
  if (words(recorded) === words(resiliencePage)) return
  if (isRecording) writeFormatted(pathToFileURL(file), resiliencePage)
  else expect(words(recorded), RECORD).toBe(words(resiliencePage))
})

it('docs/resilience.md has the commands of webhooks, the metadata server and the export of telemetry', () => {
  for (const text of ['submits CheckShipments', 'submits CheckDispute', 'id-tokens.ts', 'otlp.ts'])
    expect(resiliencePage).toContain(text)
})

it('a call is found with its name and its time, however they are written', () => {
  const { program } = parseSync(
    'planted.ts',
    `const SLOW_MS = 9_000
     const options = { timeoutMs: SLOW_MS }
     platform.query(contracts, 'readOne', {}, options)
     query(contracts, 'readTwo', {}, { timeoutMs: 5 })
     platform.relay(contracts, 'readThree', {})
     const load = (keys, edge) => query(contracts, 'readFour', { keys }, edge)
     const command = { type: 'CheckOne', data }
     platform.submit<Command>(command, { key, actor })
     platform.callExternal(url, { method: 'POST', operation: 'bank.pay', timeoutMs: SLOW_MS })
     platform.postOutside(url, { body, ...(isShort ? { timeoutMs: 5 } : {}) })`,
  )
  expect(callsIn(program)).toEqual([
    { kind: 'query', name: 'readOne', timeoutMs: 9_000 },
    { kind: 'query', name: 'readTwo', timeoutMs: 5 },
    { kind: 'query', name: 'readThree', timeoutMs: undefined },
    { kind: 'query', name: 'readFour', timeoutMs: 'given' },
    { kind: 'submission', name: 'CheckOne', timeoutMs: undefined },
    { kind: 'partner', name: 'bank.pay', timeoutMs: 9_000 },
    // The longer time.
    { kind: 'outside', name: undefined, timeoutMs: undefined },
  ])
})
