/** Settings of services: each is the name of a variable and the type of its text. All are parsed when a service starts. */

import { z } from 'zod'
import { listOf } from './issues.ts'

export interface Setting<Value = unknown> {
  /** The name of the variable: capital letters and underscores. */
  readonly name: string
  /** Parses the variable's text. */
  readonly schema: z.ZodType<Value, string>
}

export const defineSetting = <Value>(name: string, schema: z.ZodType<Value, string>): Setting<Value> => ({
  name,
  schema,
})

/** An address of HTTP or HTTPS. */
export const httpUrl = z.url({ protocol: /^https?$/, error: 'takes an address that begins with http:// or https://' })

/** JSON in one variable. */
export const json = <S extends z.ZodType>(schema: S): z.ZodPipe<z.ZodType<unknown, string>, S> =>
  z
    .string()
    .transform((text, context): unknown => {
      try {
        return JSON.parse(text)
      } catch (error) {
        context.addIssue({ code: 'custom', message: `takes JSON: ${(error as Error).message}` })
        return z.NEVER
      }
    })
    .pipe(schema)

/** @throws Error that names the setting, the fault of its value, and the place of the value. */
export function parseSetting<Value>({ name, schema }: Setting<Value>, text: string | undefined): Value {
  if (!text)
    throw new Error(
      `The setting ${name} is missing: name it in service.ts and give it a value in the settings of the business (functions/index.ts).`,
    )
  const parsed = schema.safeParse(text)
  if (parsed.success) return parsed.data
  throw new Error(
    `The setting ${name} has a wrong value: ${listOf(parsed.error, name)}. Correct it in the settings of the business (functions/index.ts).`,
  )
}
