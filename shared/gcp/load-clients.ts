/**
 * Loads the code of Google's clients before a service listens. They load most of it when the first of them is made, which
 * takes half a second: a request would wait for it, and again at each service on its way.
 */

import { makeFirestoreClient, makePublisher, makeTasksClient } from './clients.ts'

export interface NeededClients {
  readonly firestore: boolean
  readonly pubsub: boolean
  readonly tasks: boolean
  /** For calls of other services. */
  readonly idTokens: boolean
}

export async function loadClients({ firestore, pubsub, tasks, idTokens }: NeededClients): Promise<void> {
  if (firestore) await makeFirestoreClient()
  if (pubsub) await makePublisher()
  if (tasks) await makeTasksClient()
  if (idTokens) await import('google-auth-library')
}
