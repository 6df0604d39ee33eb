/** Prices the counters of the local cloud by Google's list prices, by item and billing mode. */

import { readFileSync } from 'node:fs'

interface Price {
  readonly usd: number
  readonly per: number
  readonly unit: string
}
interface ListPrices {
  readonly date: string
  readonly region: string
  readonly note: string
  readonly prices: Readonly<Record<string, Price>>
}
export const listPrices = JSON.parse(readFileSync(new URL('list-prices.json', import.meta.url), 'utf8')) as ListPrices

export type Counters = Readonly<Record<string, number>>
export const editions = ['Standard', 'Enterprise'] as const
export const billings = ['by request', 'by instance'] as const
type Variant = (typeof editions)[number] | (typeof billings)[number]

interface Item {
  readonly product: string
  readonly item: string
  readonly price: string
  /** The only edition or mode in which it is billed. */
  readonly variant?: Variant
  quantity(counters: Counters): number
}

const sumOf =
  (...names: readonly string[]) =>
  (counters: Counters): number =>
    names.reduce((sum, name) => sum + (counters[name] ?? 0), 0)
/** The emulators count milliseconds. */
const seconds = (name: string) => (counters: Counters) => sumOf(name)(counters) / 1000

const items: readonly Item[] = [
  {
    product: 'Firestore',
    item: 'reads',
    price: 'firestore-standard-reads',
    variant: 'Standard',
    quantity: sumOf('firestore.documentReads'),
  },
  {
    product: 'Firestore',
    item: 'writes',
    price: 'firestore-standard-writes',
    variant: 'Standard',
    quantity: sumOf('firestore.documentWrites'),
  },
  {
    product: 'Firestore',
    item: 'deletes',
    price: 'firestore-standard-deletes',
    variant: 'Standard',
    quantity: sumOf('firestore.documentDeletes'),
  },
  {
    product: 'Firestore',
    item: 'read units',
    price: 'firestore-enterprise-reads',
    variant: 'Enterprise',
    quantity: sumOf('firestore.readUnits'),
  },
  {
    product: 'Firestore',
    item: 'write units',
    price: 'firestore-enterprise-writes',
    variant: 'Enterprise',
    quantity: sumOf('firestore.writeUnits'),
  },
  { product: 'Pub/Sub', item: 'published', price: 'pubsub-throughput', quantity: sumOf('pubsub.publishBytes') },
  { product: 'Pub/Sub', item: 'delivered', price: 'pubsub-throughput', quantity: sumOf('pubsub.deliveryBytes') },
  { product: 'Pub/Sub', item: 'to BigQuery', price: 'pubsub-bigquery', quantity: sumOf('pubsub.bigqueryBytes') },
  { product: 'Cloud Tasks', item: 'operations', price: 'tasks-operations', quantity: sumOf('tasks.operations') },
  {
    product: 'Cloud Run',
    item: 'vCPU',
    price: 'run-request-vcpu',
    variant: 'by request',
    quantity: seconds('run.request.vcpuMs'),
  },
  {
    product: 'Cloud Run',
    item: 'memory',
    price: 'run-request-memory',
    variant: 'by request',
    quantity: seconds('run.request.gibMs'),
  },
  {
    product: 'Cloud Run',
    item: 'requests',
    price: 'run-requests',
    variant: 'by request',
    quantity: sumOf('run.requests'),
  },
  {
    product: 'Cloud Run',
    item: 'vCPU',
    price: 'run-instance-vcpu',
    variant: 'by instance',
    quantity: seconds('run.instance.vcpuMs'),
  },
  {
    product: 'Cloud Run',
    item: 'memory',
    price: 'run-instance-memory',
    variant: 'by instance',
    quantity: seconds('run.instance.gibMs'),
  },
  { product: 'BigQuery', item: 'insertAll', price: 'bigquery-streaming', quantity: sumOf('bigquery.insertAllBytes') },
  { product: 'BigQuery', item: 'queries', price: 'bigquery-queries', quantity: sumOf('bigquery.bytesQueried') },
  { product: 'Cloud Logging', item: 'logs', price: 'logging-bytes', quantity: sumOf('logging.bytes') },
  { product: 'Cloud Trace', item: 'spans', price: 'trace-spans', quantity: sumOf('trace.spans') },
  { product: 'Secret Manager', item: 'accesses', price: 'secret-accesses', quantity: sumOf('secrets.accesses') },
]

export interface Line {
  readonly product: string
  readonly item: string
  readonly variant?: Variant
  readonly quantity: number
  readonly unit: string
  readonly usd: number
}

export interface Bill {
  /** Units of the business since the start: messages published to the topic of its event. */
  readonly units: number
  /** One for each item that was used. */
  readonly lines: readonly Line[]
  /** Edition of Firestore → mode of Cloud Run → dollars. */
  readonly totals: Readonly<Record<string, Readonly<Record<string, number>>>>
}

/** @param event The event type that is published once for each unit of the business. Absent: there are no units. */
export function billOf(counters: Counters, event?: string): Bill {
  const lines = items
    .map(({ product, item, variant, price, quantity }) => {
      const { usd, per, unit } = listPrices.prices[price]!
      const used = quantity(counters)
      return { product, item, ...(variant ? { variant } : {}), quantity: used, unit, usd: (used * usd) / per }
    })
    .filter(({ quantity }) => quantity > 0)
  const total = (...variants: readonly Variant[]): number =>
    lines
      .filter(({ variant }) => variant === undefined || variants.includes(variant))
      .reduce((sum, { usd }) => sum + usd, 0)
  return {
    units: counters[`pubsub.messages.published.${event}`] ?? 0,
    lines,
    totals: Object.fromEntries(
      editions.map((edition) => [
        edition,
        Object.fromEntries(billings.map((billing) => [billing, total(edition, billing)])),
      ]),
    ),
  }
}
