/** The status with which a gRPC call ends, as trailers. */

import type { OutgoingHttpHeaders } from 'node:http2'
import type { StatusError } from '../status.ts'
import { encodeStatus } from './rpc-status.ts'

/** A message is cut at this length; Google's clients take no more than 64 KB of trailers. */
const MAX_MESSAGE_CHARACTERS = 8_000
/** Larger details would cost the client the whole status: the server leaves them out, and adds a sentence to the message. */
const MAX_DETAILS_BYTES = 32 * 1024

export const OK: OutgoingHttpHeaders = { 'grpc-status': '0' }

export function trailersOf(error: StatusError): OutgoingHttpHeaders {
  const trailers = { 'grpc-status': String(error.grpcCode), 'grpc-message': encodedMessage(error.message) }
  if (error.details.length === 0) return trailers
  const details = encodeStatus(error)
  if (details.length > MAX_DETAILS_BYTES) {
    const message = `${error.message} (${details.length} bytes of details are left out: trailers carry ${MAX_DETAILS_BYTES})`
    return { ...trailers, 'grpc-message': encodedMessage(message) }
  }
  return { ...trailers, 'grpc-status-details-bin': details.toString('base64') }
}

/** Percent-encoded UTF-8 but for printable ASCII other than `%`. Half a character becomes U+FFFD. */
export function encodedMessage(message: string): string {
  const text = message.length > MAX_MESSAGE_CHARACTERS ? `${message.slice(0, MAX_MESSAGE_CHARACTERS)}…` : message
  if (/^[\x20-\x24\x26-\x7e]*$/.test(text)) return text
  let encoded = ''
  for (const byte of Buffer.from(text)) {
    const isPlain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25
    encoded += isPlain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return encoded
}
