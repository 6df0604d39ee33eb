/** The page at the first port: what runs here, what to open, and what to try next. Plain HTML that loads nothing. */

import { createHash } from 'node:crypto'
import { html, raw } from 'hono/html'
import type { Tools } from '../cli/tools.ts'
import { type Running, SECRET_COMMAND } from './running.ts'

const style = `body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c1c1c}
code{font:14px/1.45 ui-monospace,monospace;background:#f4f4f2;padding:.1rem .3rem}
td{padding:.15rem 1.5rem .15rem 0;vertical-align:top}h2{border-top:1px solid #ddd;padding-top:.5rem}`
/** Whole, so that no formatter puts white space into it: the policy is a hash of exactly this text. */
const styleElement = raw(`<style>${style}</style>`)

/** Content-Security-Policy: the page's own style, and nothing else. */
export const pagePolicy = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; frame-ancestors 'none'`

export interface Overview {
  readonly running: Running
  /** The public service. */
  readonly publicService: string | undefined
  readonly states: readonly { readonly service: string; readonly state: string }[]
  readonly tools: Pick<Tools, 'nextSteps' | 'page'>
}

/** Commands that every business has, besides its own. */
const commands = [
  { command: 'npm run trace', brief: 'the last one as one trace: every service, with its log lines' },
  { command: 'npm run services', brief: 'revision, instances, health and open circuits of each service' },
  { command: 'npm run ops -- queues', brief: 'what waits, is paused or fails, and services that do not start' },
  { command: 'npm run ops -- dead-letters', brief: 'messages that could not be handled, each with its reason' },
  { command: 'npm run logs -- --level warning', brief: 'warnings and errors of all services, as they are written' },
  { command: 'npm run query -- --tables', brief: 'the tables and views in BigQuery' },
  { command: 'npm run metrics', brief: 'outcomes, durations, retries, requests' },
  { command: 'npm run bill', brief: 'what the operations so far cost at Google' },
]
const consoles = [
  { path: '/_local/run/processes', brief: 'services: state, process, why the last start failed' },
  { path: '/_local/tasks/queues', brief: 'queues of Cloud Tasks: waiting, next attempt, last error' },
  { path: '/_local/pubsub/subscriptions', brief: 'subscriptions of Pub/Sub: waiting, next attempt, last error' },
  { path: '/_local/traces', brief: 'traces' },
  { path: '/_local/request-log', brief: 'every push, task and request, with its verified identity' },
  { path: '/_local/counters', brief: 'billable operations' },
]

export async function indexPage({ running, publicService, states, tools }: Overview): Promise<string> {
  const { apiHost, publicUrl, identityUrl, projectId, serviceUrls } = running
  const stateOf = (service: string): string => states.find((one) => one.service === service)?.state ?? 'starting'
  const rows = (all: readonly { readonly name: unknown; readonly brief: string }[]) =>
    all.map(
      ({ name, brief }) =>
        html`<tr>
          <td>${name}</td>
          <td>${brief}</td>
        </tr>`,
    )
  const link = (url: string, text = url) => html`<a href="${url}">${text}</a>`
  const shown = [...(tools.nextSteps ?? []), ...commands]
  const page = publicUrl !== undefined && tools.page ? `${publicUrl}${tools.page.path}` : undefined
  return String(
    await html`<!doctype html>
      <html lang="en">
        <head>
          <meta charset="utf-8" />
          <title>Millrace</title>
          ${styleElement}
        </head>
        <body>
          <h1>Millrace</h1>
          <p>The project <code>${projectId}</code> runs here, on a local Google Cloud.</p>
          <h2>Open</h2>
          <table id="open">
            ${page === undefined ? '' : rows([{ name: link(page, tools.page!.title), brief: 'every operation of the public API' }])}
            ${publicUrl === undefined ? '' : rows([{ name: html`<code>${publicUrl}</code>`, brief: `the public API: the service ${publicService ?? ''}` }])}
            ${rows([
              {
                name: html`<code>${apiHost}</code>`,
                brief:
                  "Google's APIs, as your own programs reach them: PUBSUB_EMULATOR_HOST, FIRESTORE_EMULATOR_HOST and others",
              },
              {
                name: html`<code>${identityUrl}</code>`,
                brief: 'the identity platform; npm run -s token prints a token for the public API',
              },
            ])}
          </table>
          <h2>Try next, in a terminal</h2>
          <table id="next">
            ${rows(shown.map(({ command, brief }) => ({ name: html`<code>${command}</code>`, brief })))}
          </table>
          <h2>Services</h2>
          <table id="services">
            ${rows(Object.entries(serviceUrls).map(([service, url]) => ({ name: service, brief: `${stateOf(service)} · ${url}` })))}
          </table>
          <h2>State of the local cloud, as JSON</h2>
          <p>
            The browser asks for a user name: the secret of this run, which <code>${SECRET_COMMAND}</code> prints. There
            is no password.
          </p>
          <table id="consoles">
            ${rows(consoles.map(({ path, brief }) => ({ name: link(path), brief })))}
          </table>
        </body>
      </html>`,
  )
}
