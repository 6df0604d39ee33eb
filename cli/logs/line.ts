/** One line of a service's log: which lines are wanted, and how a person reads one. */

import { UsageError } from '../command.ts'
import { shown } from '../terminal.ts'

/** In Cloud Logging's order: https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry#LogSeverity */
const SEVERITIES = ['DEFAULT', 'DEBUG', 'INFO', 'NOTICE', 'WARNING', 'ERROR', 'CRITICAL', 'ALERT', 'EMERGENCY']
const MAX_STACK_FRAMES = 4
/** Fields that the head of a line shows, or that a person does not need. */
const HEAD = new Set(['severity', 'message', 'time', 'timestamp', 'service', 'correlationId', 'error', 'reason'])

export interface LineFilter {
  /** The least severity, in any case. */
  readonly level?: string | undefined
  readonly correlationId?: string | undefined
  /** Part of the line, in any case. */
  readonly text?: string | undefined
}

/** @throws UsageError for a level that Cloud Logging does not have */
export function lineFilter({ level, correlationId, text }: LineFilter): (line: string) => boolean {
  const least = level === undefined ? 0 : SEVERITIES.indexOf(level.toUpperCase())
  if (least < 0)
    throw new UsageError(
      `"${shown(level!)}" is not a level. There are: ${SEVERITIES.slice(1).join(', ').toLowerCase()}.`,
    )
  const wanted = text?.toLowerCase()
  return (line) => {
    if (wanted !== undefined && !line.toLowerCase().includes(wanted)) return false
    const fields = fieldsOf(line)
    if (correlationId !== undefined && (!fields || correlationOf(fields) !== correlationId)) return false
    // Text that is not JSON is Node's: most often the stack of a service that could not start.
    return !fields || severityOf(fields) >= least
  }
}

/** Cloud Logging's JSON as text: an error or a warning with its reason, its fields and the top of its stack. Any other line unchanged. */
export function readable(service: string, line: string): string {
  const fields = fieldsOf(line)
  if (!fields) return `${' '.repeat(12)} ${service.padEnd(13)} ${shown(line)}`
  const { severity, message, time, timestamp, reason, error } = fields
  const at = textOf(time ?? timestamp ?? '').slice(11, 23)
  const correlation = correlationOf(fields)
  const head = `${shown(at)} ${service.padEnd(13)} ${shown(textOf(severity ?? '')).padEnd(7)} ${shown(textOf(message ?? ''))}${correlation === undefined ? '' : `  ${shown(correlation)}`}`
  if (severityOf(fields) < SEVERITIES.indexOf('WARNING')) return head
  const others = Object.entries(fields)
    .filter(([name]) => !HEAD.has(name) && !name.startsWith('logging.googleapis.com/'))
    .map(([name, value]) => `${name}=${textOf(value)}`)
  const details = [
    ...(others.length > 0 ? [others.join(' ')] : []),
    ...(reason === undefined ? [] : textOf(reason).split('\n')),
    ...(error === undefined ? [] : topOf(textOf(error))),
  ]
  // Indented, so that no text of a caller can imitate a line of ours.
  return [head, ...details.map((detail) => `${' '.repeat(27)}${shown(detail)}`)].join('\n')
}

/** The message and the frames in this project's files; of an error that has none, the first frames. */
function topOf(stack: string): string[] {
  const lines = stack.split('\n')
  const isFrame = (line: string): boolean => /^\s+at /.test(line)
  const own = lines.filter((line) => isFrame(line) && !/node_modules|\(node:|at node:/.test(line))
  const frames = (own.length > 0 ? own : lines.filter(isFrame)).slice(0, MAX_STACK_FRAMES)
  return [...lines.filter((line) => !isFrame(line)), ...frames]
}

function fieldsOf(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const fields: unknown = JSON.parse(line)
    return typeof fields === 'object' && fields !== null ? (fields as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

function correlationOf(fields: Readonly<Record<string, unknown>>): string | undefined {
  const labels = fields['logging.googleapis.com/labels'] as { readonly correlationId?: unknown } | undefined
  const id = fields['correlationId'] ?? labels?.correlationId
  return id === undefined ? undefined : textOf(id)
}

const severityOf = ({ severity }: Readonly<Record<string, unknown>>): number =>
  Math.max(0, SEVERITIES.indexOf(textOf(severity ?? 'DEFAULT')))

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))
