/** The ingress's connections to one instance: each begins with the secret that the instance asks for. */

import { Agent, type ClientRequestArgs } from 'node:http'
import type { Duplex } from 'node:stream'
import { limits } from '../values/limits.ts'

/** Its connections end with the instance. */
export class IngressAgent extends Agent {
  readonly #secret: Buffer

  constructor(secret: Buffer) {
    super({ keepAlive: true, maxSockets: limits.concurrency })
    this.#secret = secret
  }

  override createConnection(
    options: ClientRequestArgs,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): Duplex | null | undefined {
    const socket = super.createConnection(options, callback)
    socket?.write(this.#secret)
    return socket
  }
}
