/** A plugin for tests of the transport: Pub/Sub's publisher with only the methods that the test gives. */

import { readFile } from 'node:fs/promises'
import type { Unary } from './service.ts'
import type { Plugin } from './plugin.ts'

export const fakePublisher = (unary: Readonly<Record<string, Unary>>): Plugin => ({
  name: 'publisher',
  proto: async () =>
    JSON.parse(await readFile(new URL('../pubsub/pubsub.proto.json', import.meta.url), 'utf8')) as object,
  create: () => ({ core: {}, grpc: [{ name: 'google.pubsub.v1.Publisher', unary }] }),
  terraform: {},
})
