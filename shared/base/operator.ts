/** The operator and reason of a manual task, in its headers, so that the receiving service logs both. */

const ACTOR = 'x-operator'
const REASON = 'x-operator-reason'

export interface Operator {
  readonly actor: string
  readonly reason: string
}

/** Header values are ASCII; people's reasons are not. */
export const operatorHeaders = ({ actor, reason }: Operator): Record<string, string> => ({
  [ACTOR]: encodeURIComponent(actor),
  [REASON]: encodeURIComponent(reason),
})

/** Undefined for headers without a name or a reason, and for malformed ones. */
export function operatorOf(headers: { get(name: string): string | undefined }): Operator | undefined {
  const read = (name: string): string => {
    try {
      return decodeURIComponent(headers.get(name) ?? '')
        .trim()
        .slice(0, 500)
    } catch {
      return ''
    }
  }
  const [actor, reason] = [read(ACTOR), read(REASON)]
  return actor && reason ? { actor, reason } : undefined
}
