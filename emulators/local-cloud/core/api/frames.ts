/** gRPC's framing of messages: a byte that says whether it is compressed, its length in four bytes, the message. */
// https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md

import { promisify } from 'node:util'
import { gunzip, inflate } from 'node:zlib'
import type { Writer } from 'protobufjs'
import { StatusError } from '../status.ts'

/** As large as Firestore's and Pub/Sub's largest request, with room for framing. */
export const MAX_MESSAGE_BYTES = 20 * 1024 * 1024
/** The encodings that this server decompresses, as it announces them. */
export const ACCEPTED_ENCODINGS = 'identity,deflate,gzip'

const HEADER_BYTES = 5

export interface Frame {
  readonly isCompressed: boolean
  readonly message: Buffer
}

/** Divides the bytes of one call into frames, however they arrive. */
export class FrameReader {
  #parts: Buffer[] = []
  #bytes = 0
  /** The bytes that are needed before anything more can be read of them. */
  #wanted = HEADER_BYTES

  /** Whether the bytes so far end with a frame. */
  get isBetweenFrames(): boolean {
    return this.#bytes === 0
  }

  /**
   * Calls `deliver` with each frame that is complete.
   * @throws RESOURCE_EXHAUSTED for a message that is too large, at its header; INTERNAL for bytes that are no frame.
   */
  read(chunk: Buffer, deliver: (frame: Frame) => void): void {
    const bytes = this.#withParts(chunk)
    if (!bytes) return
    let at = 0
    this.#wanted = HEADER_BYTES
    while (bytes.length - at >= HEADER_BYTES) {
      const end = at + HEADER_BYTES + messageBytes(bytes, at)
      if (bytes.length < end) {
        this.#wanted = end - at
        break
      }
      deliver({ isCompressed: bytes[at] === 1, message: bytes.subarray(at + HEADER_BYTES, end) })
      at = end
    }
    if (at === bytes.length) return
    this.#parts = [at === 0 ? bytes : bytes.subarray(at)]
    this.#bytes = bytes.length - at
  }

  /** Joined once a frame is complete, not at each part: a message of many parts is copied once. */
  #withParts(chunk: Buffer): Buffer | undefined {
    if (this.#bytes === 0) return chunk
    this.#parts.push(chunk)
    this.#bytes += chunk.length
    if (this.#bytes < this.#wanted) return undefined
    const bytes = Buffer.concat(this.#parts, this.#bytes)
    this.#parts = []
    this.#bytes = 0
    return bytes
  }
}

function messageBytes(bytes: Buffer, at: number): number {
  const flag = bytes[at]!
  if (flag > 1) throw new StatusError('INTERNAL', `A frame begins with ${flag}, which is neither 0 nor 1.`)
  const length = bytes.readUInt32BE(at + 1)
  if (length > MAX_MESSAGE_BYTES)
    throw new StatusError(
      'RESOURCE_EXHAUSTED',
      `Received message larger than max (${length} vs. ${MAX_MESSAGE_BYTES}).`,
    )
  return length
}

const decompressors: Readonly<Record<string, typeof decompressed | undefined>> = {
  gzip: promisify(gunzip) as typeof decompressed,
  deflate: promisify(inflate) as typeof decompressed,
}
declare function decompressed(bytes: Buffer, options: { maxOutputLength: number }): Promise<Buffer>

/**
 * The message of a frame, decompressed if necessary.
 * @throws UNIMPLEMENTED for an unknown encoding, INTERNAL for bytes that are not in it, RESOURCE_EXHAUSTED when they are too many.
 */
export function messageIn({ isCompressed, message }: Frame, encoding: string): Buffer | Promise<Buffer> {
  return isCompressed ? decompress(message, encoding) : message
}

async function decompress(message: Buffer, encoding: string): Promise<Buffer> {
  const decompressor = decompressors[encoding]
  if (encoding === 'identity')
    throw new StatusError('INTERNAL', 'A message is marked as compressed, and the call names no grpc-encoding.')
  if (!decompressor)
    throw new StatusError(
      'UNIMPLEMENTED',
      `Received message compressed with unsupported encoding "${encoding}": use one of ${ACCEPTED_ENCODINGS}.`,
    )
  try {
    return await decompressor(message, { maxOutputLength: MAX_MESSAGE_BYTES })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE')
      throw new StatusError(
        'RESOURCE_EXHAUSTED',
        `Received message that decompresses to a size larger than ${MAX_MESSAGE_BYTES}.`,
      )
    throw new StatusError('INTERNAL', `Failed to decompress a message: ${(error as Error).message}.`)
  }
}

/** The five bytes before a message, which `frameOf` fills. */
export const roomForFrameHeader = (writer: Writer): Writer => writer.uint32(0).fixed32(0)

/** @throws RESOURCE_EXHAUSTED for a message that is too large to send. */
export function frameOf(bytes: Uint8Array): Buffer {
  const frame = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const length = frame.length - HEADER_BYTES
  if (length > MAX_MESSAGE_BYTES)
    throw new StatusError('RESOURCE_EXHAUSTED', `Sent message larger than max (${length} vs. ${MAX_MESSAGE_BYTES}).`)
  frame.writeUInt32BE(length, 1)
  return frame
}
