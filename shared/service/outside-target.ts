/** Requests to addresses that clients of the platform gave. */

/** `public`: by https to addresses of the internet alone; `any`: to a program on this machine as well. */
export type Targets = 'public' | 'any'

export interface OutsideRequest {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly targets: Targets
  /** How much of the answer is read; what is longer is cut. Absent: nothing is read. */
  readonly answerBytes?: number
  /** For the name and the answer together. Absent: ten seconds. */
  readonly timeoutMs?: number
}

/**
 * The status of the answer, with its text if it was to be read, or why no answer came; `isTimeout`: since the time was up.
 * `retryAfter`: the header, as it came.
 */
export type OutsideAnswer =
  | { readonly status: number; readonly text?: string; readonly retryAfter?: string }
  | { readonly failure: string; readonly isTimeout?: boolean }

/** Posts to an address that a client gave. Never throws: the receiver's faults are not the platform's. */
export type OutsidePost = (url: string, request: OutsideRequest) => Promise<OutsideAnswer>
