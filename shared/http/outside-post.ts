/**
 * Posts to an address that a client of the platform gave, which may lead anywhere. Only public addresses are reached: the name is
 * resolved once, all its addresses are checked, and the connection goes to one of them, so that a second answer of the name server
 * changes nothing. No redirect is followed, no credential is sent, and of the answer's body no more is read than the caller names.
 */

import { lookup, Resolver } from 'node:dns/promises'
import { type IncomingMessage, request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { BlockList, isIP } from 'node:net'
import { startTimer, unlessAborted } from '../base/deadline.ts'
import type { OutsideAnswer, OutsidePost, Targets } from '../service/outside-target.ts'

const MAX_URL_CHARACTERS = 1_000
export const OUTSIDE_TIMEOUT_MS = 10_000
/** For one question to one name server; all of them are asked twice. */
const NAME_TIMEOUT_MS = 1_500
const NAME_TRIES = 2

/** RFC 6890 and the registries of special-purpose addresses of IANA; multicast and reserved ranges besides. */
const SPECIAL: readonly (readonly [network: string, prefix: number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  // The metadata server of Google Cloud, which gives tokens, is 169.254.169.254.
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  // Google's own front ends for a private network, which stacks/private-network.ts uses.
  ['199.36.153.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
]
const special = new BlockList()
for (const [network, prefix] of SPECIAL) special.addSubnet(network, prefix, 'ipv4')
/**
 * All of IPv6 but global unicast addresses, and of these the ones that hold or translate an IPv4 address, are for documents, or lead
 * to Google's front ends for a private network: https://cloud.google.com/vpc/docs/configure-private-google-access#domain-options
 */
const globalUnicast = new BlockList()
globalUnicast.addSubnet('2000::', 3, 'ipv6')
const specialIpv6 = new BlockList()
for (const [network, prefix] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['2600:2d00:2::', 48],
  ['3fff::', 20],
] as const)
  specialIpv6.addSubnet(network, prefix, 'ipv6')

export function isPublicAddress(address: string): boolean {
  const family = isIP(address)
  if (family === 4) return !special.check(address, 'ipv4')
  return family === 6 && globalUnicast.check(address, 'ipv6') && !specialIpv6.check(address, 'ipv6')
}

/** Why nothing is posted to this address; undefined: it may be tried. The addresses of its name are checked when it is connected. */
export function faultOfTarget(target: string, targets: Targets): string | undefined {
  if (target.length > MAX_URL_CHARACTERS) return `has more than ${MAX_URL_CHARACTERS} characters`
  const url = URL.parse(target)
  if (!url) return 'is no address'
  const isAny = targets === 'any'
  if (url.protocol !== 'https:' && !(isAny && url.protocol === 'http:')) return 'begins with https://'
  if (url.username !== '' || url.password !== '') return 'has no name and no password'
  if (url.hash !== '') return 'has no fragment'
  const host = url.hostname.replace(/^\[|\]$/g, '')
  if (isAny) return undefined
  // By other ports a client could learn from the failures which servers of others listen where.
  if (url.port !== '') return 'has no port but that of https, 443'
  if (isIP(host) !== 0) return isPublicAddress(host) ? undefined : 'is reachable from the internet'
  // stacks/private-network.ts leads all of run.app to addresses of the private network: each attempt would be refused.
  if (/\.run\.app\.?$/i.test(host)) return 'has a domain of its own and not run.app'
  const isLocalName = !host.includes('.') || /(^|\.)(localhost|local|internal|home\.arpa)\.?$/i.test(host)
  return isLocalName ? 'is reachable from the internet' : undefined
}

type AddressesOf = (host: string, signal: AbortSignal) => Promise<readonly string[]>

export interface OutsidePostParts {
  /** All addresses of a host name; the signal ends the search. */
  readonly addressesOf?: AddressesOf
  /** Of a request that has none of its own. */
  readonly timeoutMs?: number
}

/**
 * By name servers alone. The system's own lookup holds one of the four threads of the process, also after the time is up: four names
 * of one client whose servers never answer would stop the connections of the whole instance. Nor does it read /etc/hosts.
 * @param servers Absent: those of the system.
 * @throws an error with the code of DNS
 */
export const fromNameServers =
  (servers?: readonly string[]): AddressesOf =>
  async (host, signal) => {
    const resolver = new Resolver({ timeout: NAME_TIMEOUT_MS, tries: NAME_TRIES })
    if (servers) resolver.setServers(servers)
    const cancel = (): void => resolver.cancel()
    signal.addEventListener('abort', cancel)
    try {
      // IPv4 first: Cloud Run has no way out by IPv6 without a subnet of both.
      const found = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)])
      const addresses = found.flatMap((one) => (one.status === 'fulfilled' ? one.value : []))
      const [failure] = found.flatMap((one) => (one.status === 'rejected' ? [one.reason as Error] : []))
      if (addresses.length === 0 && failure) throw failure
      return addresses
    } finally {
      signal.removeEventListener('abort', cancel)
    }
  }

/** Names of this machine and its network, as `localhost`, are in no name server. */
const fromSystem: AddressesOf = async (host) => (await lookup(host, { all: true })).map(({ address }) => address)

/** @returns the answer, or why none came. Never throws. */
export function createOutsidePost({
  addressesOf,
  timeoutMs: usualMs = OUTSIDE_TIMEOUT_MS,
}: OutsidePostParts = {}): OutsidePost {
  return async (target, { headers, body, targets, answerBytes = 0, timeoutMs = usualMs }) => {
    const fault = faultOfTarget(target, targets)
    if (fault !== undefined) return { failure: `refused: the address ${fault}` }
    const url = new URL(target)
    const host = url.hostname.replace(/^\[|\]$/g, '')
    const search = addressesOf ?? (targets === 'public' ? fromNameServers() : fromSystem)
    const timer = startTimer(timeoutMs, () => new Error(`no answer within ${timeoutMs / 1_000} s`))
    try {
      const addresses = isIP(host) === 0 ? await unlessAborted(timer.signal, search(host, timer.signal)) : [host]
      const refused = targets === 'public' ? addresses.find((one) => !isPublicAddress(one)) : undefined
      if (refused !== undefined) return { failure: 'refused: the name leads to an address that is not public' }
      if (addresses.length === 0) return { failure: 'the name has no address' }
      return await post(url, addresses, { headers, body, answerBytes, signal: timer.signal })
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      return { failure: code ?? message, ...(timer.signal.aborted ? { isTimeout: true } : {}) }
    } finally {
      timer.end()
    }
  }
}

interface Content {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly answerBytes: number
  readonly signal: AbortSignal
}

const withFamily = (address: string) => ({ address, family: isIP(address) })

/** @param addresses All of them are checked. */
function post(
  url: URL,
  addresses: readonly string[],
  { headers, body, answerBytes, signal }: Content,
): Promise<OutsideAnswer> {
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest
  return new Promise((resolvePost, reject) => {
    const fail = (error: Error): void => reject(signal.aborted ? (signal.reason as Error) : error)
    let isAnswered = false
    const request = send(
      url,
      {
        method: 'POST',
        headers: { ...headers, 'content-length': Buffer.byteLength(body) },
        agent: false,
        signal,
        // The name stays in the certificate's check and in the header Host.
        // Node tries one after the other: one that is dead, or of IPv6 in a network of IPv4, is not the whole name.
        lookup: (_host, { all }, done) =>
          all ? done(null, addresses.map(withFamily)) : done(null, addresses[0]!, isIP(addresses[0]!)),
      },
      (answer) => {
        const retryAfter = answer.headers['retry-after']
        const status = { status: answer.statusCode!, ...(retryAfter === undefined ? {} : { retryAfter }) }
        isAnswered = true
        if (answerBytes > 0)
          return void textOf(answer, answerBytes).then((text) => resolvePost({ ...status, text }), fail)
        resolvePost(status)
        answer.destroy()
      },
    )
    // Without this listener Node closes the connection and says nothing: the post would never end.
    request.on('upgrade', ({ statusCode }, socket) => {
      resolvePost({ status: statusCode! })
      socket.destroy()
    })
    request.on('error', fail)
    // Whatever else ends the connection. One with an answer may close before its text is read.
    request.on('close', () => void (isAnswered || fail(new Error('the connection ended without an answer'))))
    request.end(body)
  })
}

/** At most so many bytes: the rest is not received. */
async function textOf(answer: IncomingMessage, maxBytes: number): Promise<string> {
  let bytes = Buffer.alloc(0)
  // Leaving the loop closes the connection.
  for await (const chunk of answer) {
    bytes = Buffer.concat([bytes, chunk as Buffer])
    if (bytes.length >= maxBytes) break
  }
  return bytes.subarray(0, maxBytes).toString('utf8')
}
