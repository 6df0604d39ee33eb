/** The tables that the migration adds to the old database: ids that both systems know, the outbox that triggers fill, and the step. */

import type { DatabaseSync } from 'node:sqlite'
import { derivedName } from '../../shared/base/ids.ts'
import type { Change, Outbox } from '../../shared/strangler/change-capture.ts'

/** The migration as a caller of the platform. From its name and a key the platform derives the id of an imported order. */
export const MIGRATOR = 'strangler'
export const importKeyOf = (no: number): string => `legacy-${no}`

export const captured = ['orders', 'products', 'customers'] as const
export type CapturedTable = (typeof captured)[number]
const keyOf: Readonly<Record<CapturedTable, string>> = { orders: 'no', products: 'sku', customers: 'login' }

export interface RowChange extends Change {
  readonly table: CapturedTable
  /** The primary key of the row, or the customer's login. */
  readonly key: string
}

export interface State {
  readonly step: number
  /** Grows with each change of the rules. */
  readonly version: number
  readonly killed: boolean
  /** The share of the customers for whom the operation moves that moves in this step, 0 to 100. */
  readonly percent: number
  /** Customers for whom it moves besides. */
  readonly callers: readonly string[]
  /** When it last went back from step 6, in milliseconds since 1970. */
  readonly leftSixAtMs?: number
}

const initial: State = { step: 1, version: 1, killed: false, percent: 100, callers: [] }

/** Longer than a request of the gateway lasts: what the platform has not taken by then, it does not take. */
export const HANDED_OVER_MS = 60_000
/** An instance of the gateway begins with rules of ten seconds ago, and a request of it lasts 25 seconds. */
export const FORMER_RULES_MS = 40_000
/** A client repeats a request for no longer. */
export const REPEATED_MS = 24 * 3_600_000

const schema = `
  CREATE TABLE IF NOT EXISTS strangler_state (name TEXT PRIMARY KEY, value TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS strangler_outbox (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, "table" TEXT NOT NULL, key TEXT NOT NULL
  );
  CREATE TABLE IF NOT EXISTS strangler_orders (
    id       TEXT PRIMARY KEY,
    "order"  INTEGER UNIQUE REFERENCES orders (no),
    request  TEXT UNIQUE,
    platform INTEGER NOT NULL DEFAULT 0,
    status   TEXT,
    hash     TEXT
  );
  CREATE TABLE IF NOT EXISTS strangler_handed_over (id TEXT PRIMARY KEY, at INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS strangler_newest (
    kind TEXT, key TEXT, sequence INTEGER NOT NULL, PRIMARY KEY (kind, key)
  );
`

/** The platform's id of the order that a customer's request places. */
export const orderIdOf = (sub: string, key: string): string => derivedName('o', sub, key)

export type Store = ReturnType<typeof openStore>

export function openStore(db: DatabaseSync) {
  db.exec(schema)
  // A database from before the hash was kept.
  if (!db.prepare('SELECT 1 FROM pragma_table_info(?) WHERE name = ?').get('strangler_orders', 'hash'))
    db.exec('ALTER TABLE strangler_orders ADD COLUMN hash TEXT')
  const outbox: Outbox<RowChange> = {
    read: (limit) =>
      db
        .prepare('SELECT sequence, "table", key FROM strangler_outbox ORDER BY sequence LIMIT ?')
        .all(limit)
        .map((row) => ({ ...row }) as unknown as RowChange),
    remove: (sequence) => void db.prepare('DELETE FROM strangler_outbox WHERE sequence <= ?').run(sequence),
  }
  return {
    outbox,
    waiting: () => Number(db.prepare('SELECT COUNT(*) AS count FROM strangler_outbox').get()!['count']),
    state(): State {
      const row = db.prepare(`SELECT value FROM strangler_state WHERE name = 'state'`).get()
      return row ? (JSON.parse(String(row['value'])) as State) : initial
    },
    setState(state: State): void {
      db.prepare(`INSERT OR REPLACE INTO strangler_state VALUES ('state', ?)`).run(JSON.stringify(state))
    },
    /** From now on each change of a captured table is a row of the outbox, in the transaction of the change. The old code stays as it is. */
    capture(): void {
      for (const table of captured)
        for (const event of ['INSERT', 'UPDATE'])
          db.exec(
            `CREATE TRIGGER IF NOT EXISTS strangler_${table}_${event} AFTER ${event} ON ${table} BEGIN
               INSERT INTO strangler_outbox ("table", key) VALUES ('${table}', NEW.${keyOf[table]});
             END`,
          )
    },
    endCapture(): void {
      for (const table of captured)
        for (const event of ['INSERT', 'UPDATE']) db.exec(`DROP TRIGGER IF EXISTS strangler_${table}_${event}`)
    },
    /** All rows, as if each had changed now. */
    captureAll(): void {
      for (const table of captured)
        db.exec(`INSERT INTO strangler_outbox ("table", key) SELECT '${table}', ${keyOf[table]} FROM ${table}`)
    },
    /** Writes what came from the platform, of which nothing goes back to it. To be called in a transaction. */
    withoutCapture(work: () => void): void {
      const last = db.prepare('SELECT COALESCE(MAX(sequence), 0) AS last FROM strangler_outbox').get()!['last']!
      work()
      db.prepare('DELETE FROM strangler_outbox WHERE sequence > ?').run(last)
    },
    /** Whether none with a higher number was here before: Pub/Sub keeps no order. */
    isNewest: (kind: string, key: string, sequence: number): boolean =>
      db
        .prepare(
          `INSERT INTO strangler_newest (kind, key, sequence) VALUES (?, ?, ?)
           ON CONFLICT DO UPDATE SET sequence = excluded.sequence WHERE excluded.sequence >= sequence`,
        )
        .run(kind, key, sequence).changes > 0,
    /** Whether a change of this row is not published yet. */
    isWaiting: (table: CapturedTable, key: string): boolean =>
      db.prepare('SELECT 1 FROM strangler_outbox WHERE "table" = ? AND key = ?').get(table, key) !== undefined,
    /** The id by which both systems know the order with this number. */
    idOf(no: number): string {
      const known = db.prepare('SELECT id FROM strangler_orders WHERE "order" = ?').get(no)
      if (known) return String(known['id'])
      const id = derivedName('o', MIGRATOR, importKeyOf(no))
      db.prepare('INSERT INTO strangler_orders (id, "order") VALUES (?, ?)').run(id, no)
      return id
    },
    numberOf(id: string): number | undefined {
      // Orders that no one has asked for have no entry yet.
      for (const { no } of db
        .prepare(
          'SELECT no FROM orders WHERE no NOT IN (SELECT "order" FROM strangler_orders WHERE "order" IS NOT NULL)',
        )
        .all())
        this.idOf(Number(no))
      const row = db.prepare('SELECT "order" FROM strangler_orders WHERE id = ?').get(id)
      return row?.['order'] == null ? undefined : Number(row['order'])
    },
    isOfPlatform: (no: number) =>
      db.prepare('SELECT platform FROM strangler_orders WHERE "order" = ?').get(no)?.['platform'] === 1,
    /** The order that was placed by this request, in either system. */
    placedBy(sub: string, key: string): number | undefined {
      const row = db
        .prepare('SELECT "order" FROM strangler_orders WHERE request = ? OR id = ?')
        .get(`${sub} ${key}`, orderIdOf(sub, key))
      return row?.['order'] == null ? undefined : Number(row['order'])
    },
    /** The gateway hands the request of this order to the platform, since the old shop has not taken it. */
    handOver(id: string, atMs: number): void {
      db.prepare('INSERT OR REPLACE INTO strangler_handed_over VALUES (?, ?)').run(id, atMs)
    },
    /** The orders of which it is not known yet whether the platform took them, with the time from which it knows. */
    handedOver: (): readonly { readonly id: string; readonly finalFromMs: number }[] =>
      db
        .prepare('SELECT id, at FROM strangler_handed_over')
        .all()
        .map(({ id, at }) => ({ id: String(id), finalFromMs: Number(at) + HANDED_OVER_MS })),
    /** Of those, some that the platform has taken by this time or does not take, in the order of their ids, behind one of them. */
    finalHandedOver: ({ after, atMs, limit }: { after: string; atMs: number; limit: number }): readonly string[] =>
      db
        .prepare('SELECT id FROM strangler_handed_over WHERE id > ? AND at <= ? ORDER BY id LIMIT ?')
        .all(after, atMs - HANDED_OVER_MS, limit)
        .map(({ id }) => String(id)),
    /** From when the platform knows whether it has taken the order; undefined: it was never handed the request. */
    finalFromMs(id: string, atMs: number): number | undefined {
      const row = db.prepare('SELECT at FROM strangler_handed_over WHERE id = ?').get(id)
      if (row) return Number(row['at']) + HANDED_OVER_MS
      // In step 6 the gateway gives the platform every request, and tells the old shop of none.
      const leftSixAtMs = this.state().leftSixAtMs ?? -Infinity
      return atMs - leftSixAtMs < REPEATED_MS ? leftSixAtMs + FORMER_RULES_MS : undefined
    },
    /** Its copy is here; or the platform, asked at this time, has not taken it and will not, unless it was handed over again since. */
    handedOverEnds: (id: string, inquiryAtMs?: number) =>
      void db
        .prepare('DELETE FROM strangler_handed_over WHERE id = ? AND at <= ?')
        .run(id, inquiryAtMs === undefined ? Number.MAX_SAFE_INTEGER : inquiryAtMs - HANDED_OVER_MS),
    /** @param hash Of the body, as `requestHashOf` makes it. */
    rememberRequest(no: number, { sub, key, hash }: { sub: string; key: string; hash: string }): void {
      this.idOf(no)
      db.prepare('UPDATE strangler_orders SET request = ?, hash = ? WHERE "order" = ?').run(`${sub} ${key}`, hash, no)
    },
    /** The hash of the request that placed this order, in either system. Undefined: it was placed before this was kept. */
    requestHashOf(no: number): string | undefined {
      const row = db.prepare('SELECT hash FROM strangler_orders WHERE "order" = ?').get(no)
      return row?.['hash'] == null ? undefined : String(row['hash'])
    },
    /** Orders that the old shop took by requests since a time, in milliseconds since 1970; the last one has its id and its time. */
    takenSince(sinceMs: number): {
      readonly count: number
      readonly last?: { readonly id: string; readonly atMs: number }
    } {
      const last = db
        .prepare(
          `SELECT id, unixepoch(created) * 1000 AS at, COUNT(*) OVER () AS count
           FROM strangler_orders JOIN orders ON no = "order"
           WHERE request IS NOT NULL AND at > ? ORDER BY at DESC, no DESC LIMIT 1`,
        )
        .get(sinceMs)
      if (!last) return { count: 0 }
      return { count: Number(last['count']), last: { id: String(last['id']), atMs: Number(last['at']) } }
    },
    /** Of an order that the platform placed: its number here, when it has come, and its last status. */
    ofPlatform(id: string): { readonly no?: number; readonly status?: string } {
      const row = db.prepare('SELECT "order", status FROM strangler_orders WHERE id = ? AND platform = 1').get(id)
      return {
        ...(row?.['order'] == null ? {} : { no: Number(row['order']) }),
        ...(row?.['status'] == null ? {} : { status: String(row['status']) }),
      }
    },
    setOfPlatform(id: string, { no, status, hash }: { no?: number; status?: string; hash?: string | undefined }): void {
      db.prepare(
        `INSERT INTO strangler_orders (id, "order", platform, status, hash) VALUES (?, ?, 1, ?, ?)
         ON CONFLICT (id) DO UPDATE SET "order" = COALESCE(excluded."order", "order"),
           status = COALESCE(excluded.status, status), hash = COALESCE(excluded.hash, hash)`,
      ).run(id, no ?? null, status ?? null, hash ?? null)
      if (no !== undefined) this.handedOverEnds(id)
    },
  }
}
