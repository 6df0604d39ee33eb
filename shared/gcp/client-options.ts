/** The options of Google's generated clients. */

import type { ChannelCredentials } from '@grpc/grpc-js'

// An interface has no index signature, which the clients' parameter requires.
type ClientOptions = { apiEndpoint: string; port: number; sslCreds: ChannelCredentials } | Record<string, never>

/**
 * None for an address of Google's. These clients have no variable for an emulator, and would not speak to it without TLS.
 * @param address `host:port`
 */
export async function clientOptions(address: string): Promise<ClientOptions> {
  const [apiEndpoint, port] = address.split(':') as [string, string]
  if (apiEndpoint.endsWith('.googleapis.com')) return {}
  const { credentials } = await import('@grpc/grpc-js')
  return { apiEndpoint, port: Number(port), sslCreds: credentials.createInsecure() }
}
