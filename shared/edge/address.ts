/** Whose request it is, by address: the address that Google's front end saw, not an address that the client wrote. */

import { isIPv6 } from 'node:net'

/**
 * Cloud Run's front end appends the address that connected to it, after all earlier content; each proxy of ours in
 * front of it has appended one more before.
 */
export function addressOf(forwardedFor: string | undefined, trustedProxies: number): string {
  const hops = (forwardedFor ?? '').split(',').map((hop) => hop.trim())
  const address = hops.at(-1 - trustedProxies) ?? ''
  return isIPv6(address) ? network(address) : address || 'unknown'
}

/** A subscriber with IPv6 has a whole /64: the first four groups. */
function network(address: string): string {
  const [head = '', tail] = address.toLowerCase().split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length)
  const groups = [...left, ...Array.from({ length: zeros }, () => '0'), ...right]
  return `${groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`
}
