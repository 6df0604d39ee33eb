/** Prints one trace: the spans of every service, with their log lines. */

import { tools } from '../functions/tools.ts'
import { flag, main, requireRunning } from './command.ts'
import { lastCorrelationId, logsOf, spansOf, tracesOf } from './trace/spans.ts'
import { waterfall } from './trace/waterfall.ts'
import { say, sayJson, shown } from './terminal.ts'

const { unit } = tools

void main('trace', {
  brief: 'Prints a trace as a waterfall.',
  about: `
Each line is a span: service, name, start, duration, attempt of the delivery (#1 is the first), and ok or the error.
Below it are the log lines of the span.`,
  words: {
    name: 'ID',
    brief: `the correlation id of its messages; absent, that of the last ${unit?.one ?? 'trace'}`,
    max: 1,
  },
  options: { json: flag('the spans with their log lines as JSON') },
  async run(values, [given]) {
    const running = requireRunning()
    const correlationId = given ?? (await lastCorrelationId(running, unit))
    const [trace, ...others] = await tracesOf(running, correlationId, unit)
    const { traceId } = trace!
    const spans = await spansOf(running, traceId)
    const logs = await logsOf(running, traceId)
    if (values.json) {
      const withLogs = spans.map((span) => ({ ...span, logs: logs.filter(({ spanId }) => spanId === span.spanId) }))
      sayJson({ correlationId, traceId, spans: withLogs, others })
      return
    }
    const services = new Set(spans.map(({ service }) => service)).size
    const failed = spans.filter(({ error }) => error !== undefined).length
    say(
      `${shown(correlationId)}: trace ${shown(traceId)}, ${spans.length} spans of ${services} services${failed ? `, ${failed} failed` : ''}\n`,
    )
    say(waterfall(spans, logs))
    for (const { traceId: other, root, spans: many } of others)
      say(`\nalso in trace ${shown(other)}: ${shown(root)}, ${many} spans`)
  },
})
