/** The stores of the platform: Firestore by Google's client against the local cloud, and the one in memory. */

import { afterAll, beforeAll } from 'vitest'
import { createLocalCloud, type LocalCloud } from 'local-google-cloud'
import { firestore as emulator } from 'local-google-cloud/firestore'
import { connectFirestore, type FirestoreClient } from '../../shared/gcp/firestore-client.ts'
import { firestoreStreams } from '../../shared/gcp/firestore-streams.ts'
import { firestoreDocuments } from '../../shared/gcp/firestore-documents.ts'
import { memory } from '../../shared/messaging/memory.testing.ts'
import type { StreamStore } from '../../shared/messaging/stream-store.ts'
import { lifetimesOf } from '../../shared/service/lifetimes.ts'
import type { DocumentStore } from '../../shared/service/platform.ts'

const project = { id: 'millrace-local', number: '100000000000', region: 'europe-west1' }

interface Driver {
  readonly name: string
  open(): Promise<{ store: StreamStore; documents: DocumentStore<string> }>
}

/** For the tests of one file. */
export function stores(): readonly Driver[] {
  let cloud: LocalCloud
  const clients: FirestoreClient[] = []
  beforeAll(async () => {
    cloud = await createLocalCloud({ plugins: [emulator], project })
    await cloud.api('POST', `/v1/projects/${project.id}/databases?databaseId=tests`, { locationId: 'eur3' })
  })
  afterAll(async () => {
    for (const client of clients) await client.close()
    await cloud.close()
  })

  return [
    {
      name: 'Firestore',
      async open() {
        const client = await connectFirestore({
          projectId: project.id,
          databaseId: 'tests',
          address: cloud.ownerHost,
          backoff: async () => {},
        })
        clients.push(client)
        const connect = async () => client
        const lifetimes = lifetimesOf({}, Date.now)
        return {
          store: firestoreStreams(connect, lifetimes),
          documents: firestoreDocuments({ firestore: connect, lifetimes, backoff: async () => {} }),
        }
      },
    },
    {
      name: 'memory',
      async open() {
        const { store, documents } = memory()
        return { store, documents }
      },
    },
  ]
}
