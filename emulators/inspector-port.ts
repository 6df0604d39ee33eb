/** Node ends a service whose inspector finds its port taken, so the start is refused. */

import { once } from 'node:events'
import { createServer } from 'node:net'
import { processOnPort } from 'local-google-cloud/host'
import { UsageError } from '../cli/command.ts'

/** @throws UsageError with the program that has the port */
export async function requireFreeInspector(service: string, port: number): Promise<void> {
  const server = createServer().listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch {
    const owner = await processOnPort(port)
    throw new UsageError(
      `The inspector of ${service} can not open: port ${port} is held${owner ? ` by ${owner}` : ''}. End that debugger, then start again.`,
    )
  }
  server.close()
  await once(server, 'close')
}
