/** Resource names of Pub/Sub, and Google's words for a bad, missing or taken one. */

import { alreadyExists, invalidArgument, notFound, type StatusError } from '../../core/status.ts'

export const DELETED_TOPIC = '_deleted-topic_'
export const DELETED_SCHEMA = '_deleted-schema_'

type Collection = 'topics' | 'subscriptions' | 'snapshots' | 'schemas'

const ID = /^[A-Za-z][A-Za-z0-9\-_.~+%]{2,254}$/
const PROJECT = /^projects\/[a-z0-9:.-]{1,100}$/

/** `projects/p/topics/t`, of an id of 3–255 characters that starts with a letter and not with `goog`. */
export function checkName(name: unknown, collection: Collection): string {
  const parts = typeof name === 'string' ? name.split('/') : []
  const [projects, project, kind, id] = parts
  const valid =
    parts.length === 4 &&
    kind === collection &&
    PROJECT.test(`${projects}/${project}`) &&
    ID.test(id!) &&
    !id!.toLowerCase().startsWith('goog')
  if (valid) return name as string
  throw invalidArgument(
    `Invalid resource name given (name=${String(name ?? '')}). Refer to ` +
      'https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names for more information.',
  )
}

export function checkProject(project: unknown): string {
  if (typeof project === 'string' && PROJECT.test(project)) return project
  throw invalidArgument(
    `Invalid resource name given (name=${String(project ?? '')}). A project is named projects/<id>.`,
  )
}

/** `field` is the block of the subscription that names the account, in the proto's spelling. */
export function checkAccountEmail(email: string, field: string): void {
  if (!email.includes('@')) throw invalidArgument(`Invalid service account email given in ${field} (email=${email}).`)
}

export const idOf = (name: string): string => name.slice(name.lastIndexOf('/') + 1)
export const projectOf = (name: string): string => name.split('/')[1] ?? ''

export const notFoundError = (name: string): StatusError => notFound(`Resource not found (resource=${idOf(name)}).`)
export const nameTakenError = (name: string): StatusError =>
  alreadyExists(`Resource already exists in the project (resource=${idOf(name)}).`)

/** Refuses a number outside its range in Google's words. */
export function checkRange(field: string, value: number, range: Range): void {
  const { min, max, show = String } = range
  if (value < min) {
    throw invalidArgument(
      `The value for ${field} is too small. You passed ${show(value)} in the request, but the minimum value is ${show(min)}.`,
    )
  }
  if (value > max) {
    throw invalidArgument(
      `The value for ${field} is too large. You passed ${show(value)} in the request, but the maximum value is ${show(max)}.`,
    )
  }
}

interface Range {
  readonly min: number
  readonly max: number
  readonly show?: (value: number) => string
}
