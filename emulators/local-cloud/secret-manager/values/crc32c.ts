/** CRC-32C (Castagnoli, RFC 3720 appendix B.4), by which clients check a value: `node:zlib` has the other CRC-32 only. */

const POLYNOMIAL = 0x82_f6_3b_78

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte
  for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? (remainder >>> 1) ^ POLYNOMIAL : remainder >>> 1
  return remainder
})

/** 0 to 2³² − 1. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xff_ff_ff_ff
  for (const byte of bytes) crc = (crc >>> 8) ^ table[(crc ^ byte) & 0xff]!
  return (crc ^ 0xff_ff_ff_ff) >>> 0
}
