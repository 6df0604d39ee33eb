/**
 * Google's generated clients, each of its own file where the package's entry would load other versions and services too. To make
 * one connects to nothing, and needs no credentials.
 */

import type { v1 as firestore } from '@google-cloud/firestore-api'
import type { v1 as pubsub } from '@google-cloud/pubsub-api'
import type { CloudTasksClient } from '@google-cloud/tasks'
import type { ChannelCredentials, ChannelOptions } from '@grpc/grpc-js'
import { createRequire } from 'node:module'
import { gaxOf } from './protocol-part.ts'

// An interface has no index signature, which the clients' parameter requires.
type ClientOptions = { apiEndpoint: string; port: number; sslCreds: ChannelCredentials } | Record<string, never>

const GOOGLE = '.googleapis.com'

/** A file by its path in node_modules: its package exports all versions, which read half a megabyte of JSON, and no single one. */
export const TASKS_CLIENT = '@google-cloud/tasks/build/cjs/src/v2/cloud_tasks_client.cjs'

/** Each parameter: `host:port` of Google (default) or of an emulator. */
export async function makeFirestoreClient(address?: string): Promise<firestore.FirestoreClient> {
  const { FirestoreClient } = (await import('@google-cloud/firestore-api/client_v1')).default
  return new FirestoreClient(await clientOptions(address), await gaxOf('google.firestore.v1.Firestore'))
}

export async function makePublisher(address?: string): Promise<pubsub.PublisherClient> {
  const { PublisherClient } = (await import('@google-cloud/pubsub-api/build/src/v1/publisher_client.js')).default
  return new PublisherClient(await clientOptions(address), await gaxOf('google.pubsub.v1.Publisher'))
}

/** A stream of pulls that waits for messages sends nothing: without pings it waits for ever on a connection that has been lost. */
const KEEPALIVE: ChannelOptions = { 'grpc.keepalive_time_ms': 60_000, 'grpc.keepalive_timeout_ms': 20_000 }

/** @param channel for tests */
export async function makeSubscriber(address?: string, channel = KEEPALIVE): Promise<pubsub.SubscriberClient> {
  const { SubscriberClient } = (await import('@google-cloud/pubsub-api/build/src/v1/subscriber_client.js')).default
  const options = { ...(await clientOptions(address)), ...channel }
  return new SubscriberClient(options, await gaxOf('google.pubsub.v1.Subscriber'))
}

export async function makeTasksClient(address?: string): Promise<CloudTasksClient> {
  const require = createRequire(import.meta.url)
  const { CloudTasksClient: Client } = require(`../../node_modules/${TASKS_CLIENT}`) as {
    readonly CloudTasksClient: typeof CloudTasksClient
  }
  const gax = await gaxOf('google.cloud.tasks.v2.CloudTasks')
  // Its types are those of a module, which has a default export.
  return new Client(await clientOptions(address), { ...gax, default: gax })
}

/** None for an address of Google's. These clients have no variable for an emulator, and would not speak to it without TLS. */
async function clientOptions(address?: string): Promise<ClientOptions> {
  const [apiEndpoint, port] = (address ?? GOOGLE).split(':') as [string, string]
  if (apiEndpoint.endsWith(GOOGLE)) return {}
  const { credentials } = await import('@grpc/grpc-js')
  return { apiEndpoint, port: Number(port), sslCreds: credentials.createInsecure() }
}
