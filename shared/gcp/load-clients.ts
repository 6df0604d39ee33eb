/**
 * Loads the code of Google's clients before a service listens. They load most of it when the first of them is made, which
 * takes half a second: a request would wait for it, and again at each service on its way.
 */

export interface NeededClients {
  readonly firestore: boolean
  readonly pubsub: boolean
  readonly tasks: boolean
  /** For calls of other services. */
  readonly idTokens: boolean
}

/** To make a client connects to nothing, and needs no credentials. */
export async function loadClients({ firestore, pubsub, tasks, idTokens }: NeededClients): Promise<void> {
  if (firestore) make((await import('@google-cloud/firestore-api/client_v1')).default.FirestoreClient)
  if (pubsub) make((await import('@google-cloud/pubsub-api')).default.v1.PublisherClient)
  if (tasks) make((await import('@google-cloud/tasks')).v2.CloudTasksClient)
  if (idTokens) await import('google-auth-library')
}

const make = (Client: new () => unknown): unknown => new Client()
