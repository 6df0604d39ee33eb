/** Every message of every service: its frozen example keeps its contract, and old versions can be lifted. */

import { describe, expect, it } from 'vitest'
import { services } from '../../functions/index.ts'

const events = services.flatMap(({ name, contracts }) =>
  Object.entries(contracts.events).map(([type, contract]) => ({ name, type, contract })),
)
const commands = services.flatMap(({ name, contracts }) =>
  Object.entries(contracts.commands).map(([type, contract]) => ({ name, type, contract })),
)

describe.each(events)('$type of $name', ({ type, contract }) => {
  it('has an example that keeps its contract', () => {
    expect(contract.data.parse(contract.example)).toEqual(contract.example)
  })

  it('lifts every older version', () => {
    const lifted = Array.from({ length: contract.version - 1 }, (_, index) => index + 1)
    expect(Object.keys(contract.upcast ?? {}).map(Number)).toEqual(lifted)
  })

  it('is emitted by its owner alone', () => {
    expect(services.filter(({ emits }) => emits.includes(type))).toHaveLength(1)
  })
})

describe.each(commands)('$type of $name', ({ type, contract }) => {
  it('has an example that keeps its contract', () => {
    expect(contract.data.parse(contract.example)).toEqual(contract.example)
  })

  it('is accepted by its owner alone, and sent by somebody', () => {
    expect(services.filter(({ accepts }) => accepts.includes(type))).toHaveLength(1)
    expect(services.some(({ sends }) => sends.includes(type))).toBe(true)
  })
})

it('queries never form a cycle', () => {
  const callees = new Map(services.map(({ name, calls }) => [name, calls]))
  const visit = (name: string, path: readonly string[]): void => {
    expect(path).not.toContain(name)
    for (const callee of callees.get(name) ?? []) visit(callee, [...path, name])
  }
  for (const { name } of services) visit(name, [])
})
