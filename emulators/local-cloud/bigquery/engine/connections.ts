/** The connections to one database: each has one user at a time, and a few are kept. */

import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'

const MAX_IDLE = 4

export type Borrowed = <T>(work: (connection: DuckDBConnection) => Promise<T>) => Promise<T>

export async function connectTo(instance: DuckDBInstance): Promise<DuckDBConnection> {
  const connection = await instance.connect()
  await connection.run(`SET TimeZone = 'UTC'`)
  return connection
}

export function connectionsTo(instance: DuckDBInstance): Borrowed {
  const idle: DuckDBConnection[] = []
  return async (work) => {
    const connection = idle.pop() ?? (await connectTo(instance))
    try {
      return await work(connection)
    } finally {
      if (idle.length < MAX_IDLE) idle.push(connection)
      else connection.closeSync()
    }
  }
}
