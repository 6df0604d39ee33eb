/** The old shop's one database: customers, products and orders in one file of SQLite, with amounts as text. */

import { statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'

const schema = `
  CREATE TABLE IF NOT EXISTS customers (
    no      INTEGER PRIMARY KEY AUTOINCREMENT,
    login   TEXT NOT NULL UNIQUE,
    name    TEXT NOT NULL,
    street  TEXT NOT NULL,
    zip     TEXT NOT NULL,
    city    TEXT NOT NULL,
    country TEXT NOT NULL,
    card    TEXT NOT NULL DEFAULT ''
  );
  CREATE TABLE IF NOT EXISTS products (
    sku   TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    price TEXT NOT NULL
  );
  CREATE TABLE IF NOT EXISTS orders (
    no       INTEGER PRIMARY KEY AUTOINCREMENT,
    customer INTEGER NOT NULL REFERENCES customers (no),
    status   TEXT NOT NULL DEFAULT 'new' CHECK (status IN ('new', 'done', 'cancelled')),
    total    TEXT NOT NULL,
    created  TEXT NOT NULL
  );
  CREATE INDEX IF NOT EXISTS orders_by_customer ON orders (customer);
  CREATE TABLE IF NOT EXISTS items (
    "order" INTEGER NOT NULL REFERENCES orders (no),
    pos     INTEGER NOT NULL,
    sku     TEXT NOT NULL,
    qty     INTEGER NOT NULL,
    price   TEXT NOT NULL,
    PRIMARY KEY ("order", pos)
  );
`

/** The file is no database, or was emptied or cut off. */
export class DamagedDatabase extends Error {
  override readonly name = 'DamagedDatabase'
}

/**
 * @param path A file, which is made when it does not exist; absent: a database in memory.
 * @throws DamagedDatabase
 */
export function openDatabase(path = ':memory:'): DatabaseSync {
  // SQLite takes an empty file for a new database: the shop would begin anew without a word.
  if (statSync(path, { throwIfNoEntry: false })?.size === 0) throw new DamagedDatabase('It is empty')
  const db = new DatabaseSync(path)
  try {
    db.exec('PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000')
    // The schema alone reads the first page only.
    const { quick_check: fault } = db.prepare('PRAGMA quick_check(1)').get() as { readonly quick_check: string }
    if (fault !== 'ok') throw new DamagedDatabase(fault)
    db.exec(schema)
    return db
  } catch (error) {
    db.close()
    if (DAMAGED.has((error as { readonly errcode?: number }).errcode ?? 0))
      throw new DamagedDatabase((error as Error).message, { cause: error })
    throw error
  }
}

/** SQLITE_CORRUPT and SQLITE_NOTADB. */
const DAMAGED: ReadonlySet<number> = new Set([11, 26])

/** All that `work` writes, or nothing of it. */
export function inTransaction<T>(db: DatabaseSync, work: () => T): T {
  db.exec('BEGIN IMMEDIATE')
  try {
    const result = work()
    db.exec('COMMIT')
    return result
  } catch (error) {
    db.exec('ROLLBACK')
    throw error
  }
}
