/** The messages and queries of every service: each has one owner, a sender or a caller, and its frozen examples. */

import { describe, expect, it } from 'vitest'
import { services } from '../../functions/index.ts'
import { messagesOf, type Owner, queriesOf, testFrozen } from '../../shared/contracts/frozen.testing.ts'
import { runtimeContracts } from '../../shared/contracts/runtime-events.ts'
import { enqueuedBy, publishedBy } from '../../shared/service/service.ts'

const owners: readonly Owner[] = [
  ...services.map(({ name, contracts }) => ({ name, folder: `functions/${name}`, contracts })),
  { name: runtimeContracts.service, folder: 'shared/contracts', contracts: runtimeContracts },
]
const queries = queriesOf(owners)

testFrozen(owners)

describe.each(messagesOf(owners, 'events'))('$type of $name', ({ name, folder, type }) => {
  it('is published only by its owner, or by the services for which the runtime publishes it', () => {
    const publishers = services.filter((service) => publishedBy(service).includes(type))
    const expected = services.filter((service) =>
      folder === 'shared/contracts' ? service.saga : service.name === name,
    )
    expect(publishers).toEqual(expected)
  })
})

describe.each(messagesOf(owners, 'commands'))('$type of $name', ({ type }) => {
  it('is accepted only by its owner, and sent, submitted or scheduled by at least one service, or sent by operators', () => {
    expect(services.filter(({ accepts }) => accepts.includes(type))).toHaveLength(1)
    expect(
      services.some((one) => [...enqueuedBy(one), ...one.submits, ...one.acceptsFromOperators].includes(type)),
    ).toBe(true)
    // One that the gateway submits and its owner does not accept so would be refused at every request.
    const isSubmitted = services.some(({ submits }) => submits.includes(type))
    const isAccepted = services.some(({ acceptsSubmitted }) => acceptsSubmitted.includes(type))
    expect({ isAccepted }).toEqual({ isAccepted: isSubmitted })
  })
})

it.each(queries)('$query of $name has a unique name, and is sent by at least one service', ({ query }) => {
  expect(queries.filter((one) => one.query === query)).toHaveLength(1)
  expect(services.some((service) => service.queries.includes(query))).toBe(true)
})
