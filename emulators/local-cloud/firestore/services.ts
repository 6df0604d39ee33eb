/** Binds the operations to the methods of Google's two Firestore services. */

import type { FirestoreCore } from './database.ts'
import type { GrpcService, RequestContext } from '../core/service.ts'
import { backupMethods } from './api/admin/backups.ts'
import { scheduleMethods } from './api/admin/backup-schedules.ts'
import { databaseMethods } from './api/admin/databases.ts'
import { copyMethods } from './api/admin/copies.ts'
import { fieldMethods } from './api/admin/field-settings.ts'
import { indexMethods } from './api/admin/indexes.ts'
import { commitMethods } from './api/data/commits.ts'
import { documentMethods, documentStreams } from './api/data/documents.ts'
import { queryStreams } from './api/data/queries.ts'
import { listen } from './api/data/listen.ts'
import { adminAccess, dataAccess } from './permissions.ts'

// The transport checks each request against the proto.
// oxlint-disable-next-line typescript/no-explicit-any
type Operation = (core: FirestoreCore, request: any, context: RequestContext) => unknown
type ServerStream = (
  core: FirestoreCore,
  // oxlint-disable-next-line typescript/no-explicit-any
  request: any,
  write: (response: unknown) => void,
  context: RequestContext,
) => Promise<void>

const data = { ...documentMethods, ...commitMethods } satisfies Record<string, Operation>
const dataStreams = { ...documentStreams, ...queryStreams } satisfies Record<string, ServerStream>
const administration = {
  ...databaseMethods,
  ...copyMethods,
  ...indexMethods,
  ...fieldMethods,
  ...scheduleMethods,
  ...backupMethods,
} satisfies Record<string, Operation>

/** A document's path has an even number of segments. With an odd number it is a collection's, which listDocuments takes. */
const DOCUMENT_PATH = /\/documents(?:\/[^/]+\/[^/]+)+$/

export function services(core: FirestoreCore): GrpcService[] {
  return [
    {
      name: 'google.firestore.v1.Firestore',
      unary: bindUnary(core, data),
      streaming: {
        ...bindStreams(core, dataStreams),
        listen: (requests, write, context) => listen(core, requests, write, context),
      },
      paths: { getDocument: DOCUMENT_PATH },
      access: dataAccess,
    },
    { name: 'google.firestore.admin.v1.FirestoreAdmin', unary: bindUnary(core, administration), access: adminAccess },
  ]
}

function bindUnary(core: FirestoreCore, operations: Record<string, Operation>): NonNullable<GrpcService['unary']> {
  const bound: Record<string, (request: unknown, context: RequestContext) => unknown> = {}
  for (const [method, run] of Object.entries(operations))
    bound[method] = (request, context) => run(core, request, context)
  return bound
}

function bindStreams(
  core: FirestoreCore,
  operations: Record<string, ServerStream>,
): NonNullable<GrpcService['streaming']> {
  const bound: Record<string, NonNullable<GrpcService['streaming']>[string]> = {}
  for (const [method, run] of Object.entries(operations)) {
    bound[method] = async (requests, write, context) => {
      for await (const request of requests) return run(core, request, write, context)
    }
  }
  return bound
}
