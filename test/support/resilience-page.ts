/** Writes the page of calls to other services and to partners, from the declarations and the code. */

import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { parseSync, type Program } from 'oxc-parser'
import { modulesFrom } from '../../cli/import-graph.ts'
import { services } from '../../functions/index.ts'
import type { Contracts } from '../../shared/contracts/contract.ts'
import { EXTERNAL_TIMEOUT_MS, QUERY_TIMEOUT_MS } from '../../shared/runtime/caller.ts'
import { FIRESTORE_TIMEOUT_MS } from '../../shared/gcp/firestore-client.ts'
import { PUBLISH_TIMEOUT_MS } from '../../shared/gcp/publisher.ts'
import { SEND_TIMEOUT_MS } from '../../shared/gcp/task-sender.ts'
import { HEDGED_SHARE, MAX_IN_A_ROW } from '../../shared/http/hedge.ts'
import { KEYS_TIMEOUT_MS } from '../../shared/http/issuer-keys.ts'
import { OUTSIDE_TIMEOUT_MS } from '../../shared/http/outside-post.ts'
import { EXPORT_TIMEOUT_MS, FLUSH_TIMEOUT_MS } from '../../shared/instrumentation/otlp.ts'
import { SUBMIT_TIMEOUT_MS } from '../../shared/messaging/submission.ts'
import {
  FAILURES_TO_OPEN,
  HALF_OPEN_AFTER_MS,
  MAX_BACKOFF_MS,
  MAX_CALLS,
  MAX_RETRIES,
  MIN_BACKOFF_MS,
} from '../../shared/http/resilience.ts'
import { commandPathOf } from '../../shared/service/public-api.ts'
import { servedBy } from '../../shared/service/versions.ts'
import type { Service } from '../../shared/service/service.ts'
import { type CallInSource, callsIn } from './calls-in-source.ts'
import { root } from './root.ts'

const seconds = (ms: number): string => `${ms / 1_000} s`

interface Found extends CallInSource {
  /** From the root. */
  readonly file: string
}

function callsOf(name: string, entry: 'app.ts' | 'edge.ts'): Found[] {
  const folder = join(root, 'functions', name)
  if (!existsSync(join(folder, entry))) return []
  const modules = modulesFrom(join(folder, entry), { lazy: true }).filter((one) => dirname(one.file) === folder)
  return modules.flatMap(({ file, program }) => foundIn(file, program))
}

const foundIn = (file: string, program: Program): Found[] =>
  callsIn(program).map((one) => ({ ...one, file: relative(root, file) }))

/** Of files that belong to no single service. */
const callsInFiles = (pattern: string): Found[] =>
  globSync(join(root, pattern))
    .filter((file) => !/\.(?:test|testing)\.ts$/.test(file))
    .flatMap((file) => foundIn(file, parseSync(file, readFileSync(file, 'utf8')).program))

const contractsIn = ({ uses, contracts }: Service): readonly Contracts[] => [...uses, contracts]
/** The owner of a query and its method: only GET is repeated. */
function ownerOf(query: string): { readonly owner: string; readonly repeated: string } {
  const owner = services.flatMap(contractsIn).find(({ queries }) => queries && Object.hasOwn(queries, query))!
  return { owner: owner.service, repeated: owner.queries![query]!.method === 'get' ? `${MAX_RETRIES} times` : 'no' }
}

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...[...new Set(rows.map((row) => row.join(' | ')))].map((row) => [row])]
    .map((row) => `| ${row.join(' | ')} |`)
    .join('\n')

const refusal = '503 `unavailable`, with Retry-After'

const ofOperations = services.flatMap(({ api }) =>
  (api ? servedBy(api) : []).flatMap(({ method, path, declared }) => {
    const request = `${method.toUpperCase()} ${path}`
    if ('submits' in declared)
      return [
        [request, api!.contracts.service, `submits ${declared.submits}`, seconds(SUBMIT_TIMEOUT_MS), 'no', refusal],
      ]
    if (!('asks' in declared)) return []
    const { owner, repeated } = ownerOf(declared.asks)
    const again = declared.hedged ? `${repeated}, hedged` : repeated
    return [[request, owner, declared.asks, seconds(declared.timeoutMs ?? QUERY_TIMEOUT_MS), again, refusal]]
  }),
)

const ofCommands = [
  `GET ${commandPathOf('{commandId}')}`,
  'each owner of a command',
  'its outcome',
  seconds(QUERY_TIMEOUT_MS),
  `${MAX_RETRIES} times`,
  refusal,
]

const ofEdges = services.flatMap(({ api }) =>
  Object.entries(api?.atEdge.edges ?? {}).map(([name, { timeoutMs, copiesForSeconds }]) => [
    `\`${name}\``,
    seconds(timeoutMs),
    copiesForSeconds === undefined
      ? 'null, with its error'
      : `copies that are up to ${copiesForSeconds} s old, with their age; without one null, with its error`,
  ]),
)

const timeOf = (timeoutMs: CallInSource['timeoutMs'], defaultMs: number): string =>
  timeoutMs === 'given' ? 'that of its edge' : seconds(timeoutMs ?? defaultMs)

const rowsOf = (name: string, entry: 'app.ts' | 'edge.ts'): string[][] =>
  callsOf(name, entry)
    .filter(({ kind, name: query }) => kind === 'query' && query !== undefined)
    .map(({ name: query, timeoutMs }) => {
      const { owner, repeated } = ownerOf(query!)
      const service = entry === 'edge.ts' ? `${name}, at the edge` : name
      return [service, owner, query!, timeOf(timeoutMs, QUERY_TIMEOUT_MS), repeated]
    })
/** Commands that code at the edge submits, such as that of a webhook: the declaration names them, without which it does not compile. */
const submissionsOf = ({ name, api }: Service): string[][] =>
  callsOf(name, 'edge.ts').some(({ kind }) => kind === 'submission')
    ? api!.atEdge.submits.map((type) => [
        `${name}, at the edge`,
        api!.contracts.service,
        `submits ${type}`,
        seconds(SUBMIT_TIMEOUT_MS),
        'no',
      ])
    : []
const ofCode = services.flatMap((service) => [
  ...rowsOf(service.name, 'edge.ts'),
  ...submissionsOf(service),
  ...rowsOf(service.name, 'app.ts'),
])

const linked = (file: string): string => `[${file.split('/').at(-1)!}](../${file})`

const partnerRows = (service: string, calls: readonly Found[]): string[][] =>
  calls
    .filter(({ kind }) => kind === 'partner')
    .map(({ name, timeoutMs, file }) => [
      service,
      name ?? 'several',
      linked(file),
      timeOf(timeoutMs, EXTERNAL_TIMEOUT_MS),
    ])
const ofPartners = [
  ...services.flatMap(({ name }) => partnerRows(name, [...callsOf(name, 'edge.ts'), ...callsOf(name, 'app.ts')])),
  ...partnerRows('several services', callsInFiles('functions/shop/*.ts')),
  ...partnerRows('the runtime', callsInFiles('shared/**/*.ts')),
]

/** Calls that do not pass the policy of the others. */
const ofOwnRules = [
  ...services.flatMap(({ name }) =>
    [...callsOf(name, 'edge.ts'), ...callsOf(name, 'app.ts')]
      .filter(({ kind }) => kind === 'outside')
      .map(({ file, timeoutMs }) => [
        `${name}: an address that a client gave`,
        linked(file),
        timeOf(timeoutMs, OUTSIDE_TIMEOUT_MS),
      ]),
  ),
  ['Firestore', linked('shared/gcp/firestore-client.ts'), seconds(FIRESTORE_TIMEOUT_MS)],
  ['Pub/Sub', linked('shared/gcp/publisher.ts'), seconds(PUBLISH_TIMEOUT_MS)],
  ['Cloud Tasks', linked('shared/gcp/task-sender.ts'), seconds(SEND_TIMEOUT_MS)],
  ['the keys of an issuer of tokens', linked('shared/http/issuer-keys.ts'), seconds(KEYS_TIMEOUT_MS)],
  ['the metadata server: tokens of this service', linked('shared/gcp/id-tokens.ts'), 'that of its call'],
  ['the export of telemetry', linked('shared/instrumentation/otlp.ts'), seconds(EXPORT_TIMEOUT_MS)],
]

export const resiliencePage = `# Calls to others, and what is left without them

Made from the code and the declarations by \`npm run record\`. Every call to a service or a partner has its own time and the caller's identity, and passes the same policy, one for each callee ([\`createResiliencePolicy\`](../shared/http/resilience.ts)):

- **Bulkhead**: ${MAX_CALLS.concurrent} calls to one callee at a time, ${MAX_CALLS.queued} wait, the next is refused.
- **Time**: it covers the wait and all attempts, and is never longer than what is left of the request.
- **Repeated**: a GET after a failure, at most ${MAX_RETRIES} times, after ${MIN_BACKOFF_MS} to ${MAX_BACKOFF_MS} ms. Partners are not called twice in one delivery: the delivery is repeated, under the same key. One exception: a connection that was kept, and that the callee closes as the request comes, has no answer; a GET, or a request with a key, is sent once more on a new one.
- **Hedged**: a read that is declared so and takes longer than 95 of 100 did is sent a second time ([\`createHedge\`](../shared/http/hedge.ts)). The first answer counts, and the other request is ended. Of 100 reads ${HEDGED_SHARE * 100} are sent twice at most, and up to ${MAX_IN_A_ROW} more that those before them did not need.
- **Circuit**: ${FAILURES_TO_OPEN} failures in a row open it; after ${seconds(HALF_OPEN_AFTER_MS)} one call tries the callee. A refusal, a client that hangs up and the deadline of the request are no failures.

\`functions/gateway/faults.test.ts\` makes orders, catalog and history slow, dead, wrong and flapping, and asserts what then is left of the page of an order, the list and placing, and within which time; \`functions/orders/placing-faults.test.ts\` does so with customers and catalog, which orders asks when an order is placed. No test compares each row: a test compares this page with the code.

## Public operations

By REST the answer to a read is handed on as its owner, which checks it, wrote it, unless it has another shape here. The answer to a write, by whose status a client decides, is read first, as gRPC and GraphQL read every answer; what can not be read is a \`bug\` (500).

${table(['request', 'callee', 'asks', 'time', 'repeated', 'without it'], [...ofOperations, ofCommands])}

## Edges of the graph

The objects of an edge are read together. In the result \`errors\` names a part that is missing, and \`extensions.stale\` an edge that was answered from copies, with \`ageSeconds\` and the \`code\` of the failure.

${table(['edge', 'time', 'without it'], ofEdges)}

## Code of the services

A request fails with 503 without its callee, and an event or a command is delivered again. The exception is a composite answer ([\`compose\`](../shared/service/compose.ts)): without history, \`GET /v1/orders/{orderId}\` has the order, \`timeline.unavailable\`, and in \`missing\` the part with its code, \`unavailable\` or \`bug\`.

${table(['service', 'callee', 'query', 'time', 'repeated'], ofCode)}

## Partners and Google's APIs

None of them is repeated in one delivery.

${table(['service', 'call', 'code', 'time'], ofPartners)}

## By rules of their own

These calls have neither the bulkhead nor the circuit above. The time is that of a call with all its repetitions, which Google's clients of Firestore and Pub/Sub make themselves. After it a request is answered 503, and a delivery comes again. A webhook to an address of a client is sent again later, and slow receivers take no places from quick ones ([how](webhooks.md)). A request waits for the export of telemetry for ${seconds(FLUSH_TIMEOUT_MS)} at most, and is answered without it.

${table(['call', 'code', 'time'], ofOwnRules)}
`
