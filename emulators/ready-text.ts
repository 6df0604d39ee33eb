/** The addresses and next commands that `npm start` prints once the platform runs. */

import type { Running } from './running.ts'

export interface Ready {
  readonly running: Pick<Running, 'publicUrl' | 'apiHost' | 'identityUrl' | 'dataDirectory'>
  /** `8.8 s` */
  readonly after: string
  readonly services: readonly string[]
  readonly publicService?: string | undefined
  /** The service whose inspector opens, and where. */
  readonly inspector?: { readonly service: string; readonly address: string } | undefined
  /** Command lines. */
  readonly nextSteps: readonly string[]
}

export function readyText({ running, after, services, publicService, inspector, nextSteps }: Ready): string {
  const { publicUrl, apiHost, identityUrl, dataDirectory } = running
  const lines = [
    ['open first', `http://${apiHost}/   services, API, what to try next`],
    ...(publicService === undefined ? [] : [[publicService, publicUrl]]),
    ['Google Cloud (local)', `http://${apiHost}   Pub/Sub, Firestore, Cloud Tasks, BigQuery, Cloud Run, IAM`],
    ['identity platform', identityUrl],
    ...(inspector
      ? [[`inspector of ${inspector.service}`, `${inspector.address}   attach an editor, or chrome://inspect`]]
      : []),
    ['state and logs', dataDirectory],
  ]
  const width = Math.max(...lines.map(([label]) => label!.length))
  return `
Ready in ${after}: ${services.length} services.

${lines.map(([label, value]) => `  ${label!.padEnd(width)}  ${value}`).join('\n')}

In a second terminal:

${nextSteps.map((line) => `  ${line}`).join('\n')}

Ctrl-C stops everything.`
}
