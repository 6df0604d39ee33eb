/** The preference of a caller to wait for the outcome of a command: `Prefer: wait` (RFC 7240). */

/** The longest that a caller may wait for the outcome of a command. */
export const MAX_WAIT_SECONDS = 20

/** The seconds in `Prefer: wait=N`, at most `MAX_WAIT_SECONDS`. 0 without it; any other preference is ignored, as RFC 7240 has it. */
export function waitSecondsIn(prefer: string | undefined): number {
  const [, seconds] = /(?:^|,)\s*wait\s*=\s*"?(\d{1,9})"?\s*(?:[;,]|$)/i.exec(prefer ?? '') ?? []
  return Math.min(Number(seconds ?? 0), MAX_WAIT_SECONDS)
}
