/** Two releases of every service: the former one, in which each command has another shape, and the present one after it. */

import { z } from 'zod'
import type { CommandContract, Contracts } from '../../../shared/contracts/contract.ts'
import type { Service } from '../../../shared/service/service.ts'

export interface Releases {
  /** The descriptions of the former release, until they are deployed. */
  readonly services: readonly Service[]
  /** From now on this service sends each command in the present shape, and reads both. It still accepts and sends the same. */
  deploy(service: string): void
  /** The types of which a command in the former shape was read after the deployment. */
  readonly crossed: ReadonlySet<string>
}

type Commands = Record<string, CommandContract>

export function createReleases(present: readonly Service[]): Releases {
  const crossed = new Set<string>()
  const known = new Map<string, { readonly commands: Commands; readonly after: Commands }[]>()
  /** The contracts as one service knows them: services differ while they are deployed. */
  const knownBy = (service: string, contracts: Contracts): Contracts => {
    const commands = mapped(contracts.commands, (contract) => formerly(contract))
    const after = mapped(contracts.commands, (contract, type) => presently(contract, () => void crossed.add(type)))
    known.set(service, [...(known.get(service) ?? []), { commands, after }])
    return { ...contracts, commands }
  }
  return {
    services: present.map((service) => ({
      ...service,
      contracts: knownBy(service.name, service.contracts),
      uses: service.uses.map((contracts) => knownBy(service.name, contracts)),
    })),
    deploy(service) {
      for (const { commands, after } of known.get(service) ?? []) Object.assign(commands, after)
    },
    crossed,
  }
}

const former = z.strictObject({ former: z.unknown() })

/** Handlers give and get the data of today; what is recorded, sent and received has the former shape. */
const formerly = (contract: CommandContract): CommandContract => ({
  ...contract,
  data: z.union([
    former.transform((data) => data.former).pipe(contract.data),
    contract.data.transform((data) => ({ former: data })),
  ]),
})

const presently = (contract: CommandContract, upcast: () => void): CommandContract => ({
  ...contract,
  version: contract.version + 1,
  previousVersions: {
    ...contract.previousVersions,
    [contract.version]: {
      // Data that a former release kept beside an idempotency key have today's shape: its handlers are those of today.
      data: z.union([former, contract.data]),
      upcast(old) {
        const { success, data } = former.safeParse(old)
        if (success) upcast()
        return success ? data.former : old
      },
    },
  },
})

const mapped = (
  contracts: Contracts['commands'],
  change: (contract: CommandContract, type: string) => CommandContract,
) =>
  Object.fromEntries<CommandContract>(
    Object.entries(contracts).map(([type, contract]) => [type, change(contract, type)]),
  )
