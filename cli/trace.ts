/** Prints the trace of an order: the spans of every service, with their log lines. */

import { flag, main, requireRunning } from './command.ts'
import { lastOrder, logsOf, spansOf, tracesOf } from './trace/spans.ts'
import { waterfall } from './trace/waterfall.ts'
import { say, sayJson, shown } from './terminal.ts'

void main('trace', {
  brief: 'Prints the trace of an order as a waterfall.',
  about: `
Each line is a span: service, name, start, duration, attempt of the delivery (#1 is the first), and ok or the error.
Below it are the log lines of the span.`,
  words: {
    name: 'ORDER',
    brief: "an order's id, or the id of a product, delivery, …; absent, the last order's",
    most: 1,
  },
  options: { json: flag('the spans with their log lines as JSON') },
  async run(values, [given]) {
    const running = requireRunning()
    const orderId = given ?? (await lastOrder(running))
    const [trace, ...others] = await tracesOf(running, orderId)
    const { traceId } = trace!
    const spans = await spansOf(running, traceId)
    const logs = await logsOf(running, traceId)
    if (values.json) {
      const withLogs = spans.map((span) => ({ ...span, logs: logs.filter(({ spanId }) => spanId === span.spanId) }))
      sayJson({ orderId, traceId, spans: withLogs, others })
      return
    }
    const services = new Set(spans.map(({ service }) => service)).size
    const failed = spans.filter(({ error }) => error !== undefined).length
    say(
      `${shown(orderId)}: trace ${shown(traceId)}, ${spans.length} spans of ${services} services${failed ? `, ${failed} failed` : ''}\n`,
    )
    say(waterfall(spans, logs))
    for (const { traceId: other, root, spans: many } of others)
      say(`\nalso in trace ${shown(other)}: ${shown(root)}, ${many} spans`)
  },
})
