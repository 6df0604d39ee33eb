/**
 * The services of this same cloud, by their addresses: what Pub/Sub, Cloud Tasks and Cloud Scheduler send them goes to their
 * ingress without leaving the process. Every other request goes out.
 */

import type { OutgoingAnswer, OutgoingRequest, Send } from './send.ts'

/** A service's ingress. Undefined: the request is one for the service's port, as any other caller would send it. */
export type OwnService = (url: URL, request: OutgoingRequest) => Promise<OutgoingAnswer> | undefined

export interface OwnServices {
  /** `origin`: `http://127.0.0.1:4110`. The function that it returns closes the address. */
  open(origin: string, service: OwnService): () => void
  readonly send: Send
}

const PATH_FROM = 'http://'.length

export function createOwnServices(outside: Send): OwnServices {
  const services = new Map<string, OwnService>()
  return {
    open(origin, service) {
      services.set(origin, service)
      return () => void services.delete(origin)
    },
    send(url, request) {
      const slash = url.indexOf('/', PATH_FROM)
      // Of any other spelling of the address, a socket finds the same port.
      const service = services.get(slash === -1 ? url : url.slice(0, slash))
      return service?.(new URL(url), request) ?? outside(url, request)
    },
  }
}
