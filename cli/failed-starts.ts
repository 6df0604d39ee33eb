/** The services of the platform that runs here whose last start failed. */

export interface ServiceState {
  readonly service: string
  readonly state: 'running' | 'starting' | 'scaled-to-zero' | 'failed'
  /** Of a failed start: the cause, then the last lines of its output. */
  readonly reason?: string
}

/** The sentences that this command has printed, so that its end does not repeat them. */
const named = new Set<string>()

/**
 * One sentence for each service whose last start failed: `seats does not start: SyntaxError: …`. The cause is the first line of
 * the reason. The caller prints them.
 */
export function failedStarts(services: readonly ServiceState[]): string[] {
  const sentences = sentencesOf(services)
  for (const sentence of sentences) named.add(sentence)
  return sentences
}

/** For the end of a command: the sentences that it has not printed. */
export const unnamedStarts = (services: readonly ServiceState[]): string[] =>
  sentencesOf(services).filter((sentence) => !named.has(sentence))

const sentencesOf = (services: readonly ServiceState[]): string[] =>
  services.flatMap(({ service, state, reason = '' }) =>
    state === 'failed'
      ? [`${service} does not start: ${reason.split('\n')[0]!.replace(`${service} did not start: `, '')}`]
      : [],
  )
