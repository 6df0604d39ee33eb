/** A service starts without any Google client, and without OpenTelemetry: each costs hundreds of milliseconds, and is imported when it is first used. */

import { readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, expect, it } from 'vitest'
import { services } from '../../functions/index.ts'

const root = join(import.meta.dirname, '..', '..')

/** The packages that an import of the file loads, through our own files. Types are erased; `import()` runs later. */
function imported(file: string, seen = new Map<string, string>()): Map<string, string> {
  const source = readFileSync(file, 'utf8')
  const statements = source.matchAll(
    /^(?:import|export) (?!type )[^'"]*?from ['"]([^'"]+)['"]|^import ['"]([^'"]+)['"]/gm,
  )
  for (const match of statements) {
    const name = (match[1] ?? match[2])!
    const key = name.startsWith('.') ? join(dirname(file), name) : name
    if (seen.has(key)) continue
    seen.set(key, relative(root, file))
    if (name.startsWith('.')) imported(key, seen)
  }
  return seen
}

const heavy = /^(@google-cloud\/|google-auth-library|google-gax|@grpc\/|@opentelemetry\/)/

const entries = [
  { name: 'main', file: 'functions/main.ts' },
  ...services.map(({ name }) => ({ name, file: `functions/${name}/app.ts` })),
]

describe.each(entries)('$name', ({ file }) => {
  it('imports Google clients and OpenTelemetry only at their first use', () => {
    const found = imported(join(root, file))
    expect(found.size).toBeGreaterThan(3)
    expect([...found].filter(([name]) => heavy.test(name))).toEqual([])
  })
})
