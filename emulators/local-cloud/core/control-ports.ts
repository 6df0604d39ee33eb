/**
 * The ports that control this process: Google's APIs, the identity platform, partners. Other callers determine the content
 * of pushes and tasks (a service account may create a task), so none is sent to these ports: it would act with the
 * permissions of the port, which its sender does not have.
 */

import { lookup as lookUp } from 'node:dns'
import { BlockList, isIP, isIPv6, type LookupFunction } from 'node:net'
import { networkInterfaces } from 'node:os'

/** Port → the name of its server. All clouds of the process share it, as they share loopback. */
const ports = new Map<number, string>()

/** The opener of such a port calls it; the function that it returns releases the port. */
export function reserve(port: number, what: string): () => void {
  ports.set(port, what)
  return () => void ports.delete(port)
}

/** Every address by which this machine reaches its own loopback servers, or could. */
function isOwn(address: string): boolean {
  const own = new BlockList()
  own.addSubnet('127.0.0.0', 8)
  own.addSubnet('0.0.0.0', 8)
  own.addAddress('::', 'ipv6')
  own.addAddress('::1', 'ipv6')
  for (const { address: one, family } of Object.values(networkInterfaces()).flatMap((all) => all ?? []))
    own.addAddress(one, family === 'IPv6' ? 'ipv6' : 'ipv4')
  return own.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
}

interface Target {
  /** The server at the port, if it is a control port. */
  readonly what: string | undefined
  readonly host: string
}

/** The URL parser has made `127.0.0.1` of `127.1`, `2130706433` and `0x7f000001`. */
function targetOf(url: string): Target {
  const { protocol, port, hostname } = new URL(url)
  return {
    what: ports.get(Number(port || (protocol === 'https:' ? 443 : 80))),
    host: hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, ''),
  }
}

/** Why nothing may be sent to that URL, as far as it shows by itself: a name is looked up only when something is sent. */
export function refusedTarget(url: string): string | undefined {
  const { what, host } = targetOf(url)
  // Only then are the addresses of this machine read, which costs as much as a call.
  if (what === undefined) return undefined
  const shows = host === 'localhost' || host.endsWith('.localhost') || (isIP(host) !== 0 && isOwn(host))
  return shows ? reason(url, what) : undefined
}

/** Resolves names for a request's connection and refuses addresses of this machine. Absent for other ports. */
export function guardedLookup(url: string): LookupFunction | undefined {
  const { what } = targetOf(url)
  if (what === undefined) return undefined
  return (hostname, options, callback) => {
    lookUp(hostname, options, (error, address, family) => {
      const addresses = typeof address === 'string' ? [address] : (address?.map((one) => one.address) ?? [])
      if (!error && addresses.some(isOwn)) callback(new Error(reason(url, what)), address, family)
      else callback(error, address, family)
    })
  }
}

const reason = (url: string, what: string): string =>
  `${url} is ${what} of the local cloud, to which no push or task is sent: it would act there with permissions that its sender does not have.`
