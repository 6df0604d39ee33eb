/** An event of a service: its contract, from which `npm run record` makes its frozen example. */

import { inCall, withImport, withItem } from './edit.ts'
import { editedContracts, type Existing, type Generated, RECORDS } from './generated.ts'
import { checkEventType, messageOwner } from './names.ts'

export interface NewEvent {
  readonly type: string
  /** Name of the service that owns it. */
  readonly service: string | undefined
}

/** @throws UsageError */
export function makeEvent({ type, service }: NewEvent, { services, read }: Existing): Generated {
  checkEventType(type, services)
  const { name } = messageOwner(service, services)
  const folder = `functions/${name}`
  return {
    files: editedContracts(
      read,
      folder,
      (text) => withItem(text, inCall('defineContracts', 'events'), publishedContractOf(type)),
      withFields,
    ),
    nextSteps: [
      `Add the fields of ${type} in ${folder}/contracts.ts, with their values in its example. ${RECORDS}`,
      `Return { type: '${type}', data: … } from a decision of ${name}.`,
      `Add it to "on" of each service that subscribes to it, and take out forAnalysis: the compiler then requires a handler.`,
    ],
  }
}

export const contractOf = (type: string): string =>
  `'${type}': { version: 1, data: z.strictObject({ id: reference }), example: { id: 'id-1' } }`

/** No service subscribes to a new event yet, which is for people in BigQuery until one does. */
export const publishedContractOf = (type: string): string =>
  `'${type}': { version: 1, data: z.strictObject({ id: reference }), example: { id: 'id-1' }, forAnalysis: true }`

/** The imports that a contract from here needs. */
export const withFields = (text: string): string =>
  withImport(withImport(text, 'z', 'zod'), 'reference', '../../shared/base/fields.ts')
