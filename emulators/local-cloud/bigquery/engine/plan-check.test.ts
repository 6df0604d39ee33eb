import type { DuckDBConnection } from '@duckdb/node-api'
import { expect, it } from 'vitest'
import { createPlanChecks } from './plan-check.ts'

/** Serializes each plan as an empty one, when `answer` is called. */
function connection() {
  const asked: string[] = []
  const answers: (() => void)[] = []
  const runAndReadAll = async (sql: string): Promise<unknown> => {
    asked.push(sql)
    await new Promise<void>((resolve) => answers.push(resolve))
    return { getRows: () => [['{}']] }
  }
  return { asked, answer: () => answers.shift()!(), connection: { runAndReadAll } as unknown as DuckDBConnection }
}

it('a query that passed is not planned again until something changes, and none that was planned before a change counts', async () => {
  const plans = createPlanChecks()
  const duck = connection()
  const checked = async (whileAsked: () => void = () => {}): Promise<void> => {
    const done = plans.check(duck.connection, 'SELECT 1')
    whileAsked()
    duck.answer()
    await done
  }
  await checked()
  await plans.check(duck.connection, 'SELECT 1')
  expect(duck.asked).toHaveLength(1)
  plans.forget()
  await checked(() => plans.forget())
  expect(duck.asked).toHaveLength(2)
  await checked()
  expect(duck.asked).toHaveLength(3)
})
