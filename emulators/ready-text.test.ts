import { expect, it } from 'vitest'
import { readyText } from './ready-text.ts'

const ready = {
  running: {
    publicUrl: 'http://127.0.0.1:4110',
    apiHost: '127.0.0.1:4100',
    identityUrl: 'http://127.0.0.1:4101',
    dataDirectory: '/home/me/shop/.data',
  },
  after: '8.8 s',
  services: ['door', 'seating'],
  publicService: 'door',
  nextSteps: ['npm run logs'],
}

it('has the address of each server in one column', () => {
  expect(readyText(ready)).toBe(`
Ready in 8.8 s: 2 services.

  open first            http://127.0.0.1:4100/   services, API, what to try next
  door                  http://127.0.0.1:4110
  Google Cloud (local)  http://127.0.0.1:4100   Pub/Sub, Firestore, Cloud Tasks, BigQuery, Cloud Run, IAM
  identity platform     http://127.0.0.1:4101
  state and logs        /home/me/shop/.data

In a second terminal:

  npm run logs

Ctrl-C stops everything.`)
})

it('has the inspector of the service that is to be debugged', () => {
  const inspector = { service: 'reconciliation', address: '127.0.0.1:9229' }
  const lines = readyText({ ...ready, publicService: undefined, inspector }).split('\n')
  expect(lines).toContain('  inspector of reconciliation  127.0.0.1:9229   attach an editor, or chrome://inspect')
  expect(lines).toContain('  state and logs               /home/me/shop/.data')
  expect(lines.filter((line) => line.includes('door'))).toEqual([])
})
