/** The business with other values of its settings, which a person typed: `NAME=VALUE`. */

import { UsageError } from '../cli/command.ts'
import { nearestOrAll } from '../shared/base/nearest.ts'
import { parseSetting } from '../shared/base/setting.ts'
import { type Business, servicesOf } from '../shared/service/business.ts'

/** @throws UsageError for a setting that no service has, and for a wrong value */
export function withSettings(business: Business, typed: readonly string[] = []): Business {
  if (typed.length === 0) return business
  const settings = servicesOf(business).flatMap((service) => service.settings)
  const values = typed.map((one) => {
    const [name, ...value] = one.split('=')
    const setting = settings.find((known) => known.name === name)
    if (!setting)
      throw new UsageError(
        `No service has the setting "${name}". ${nearestOrAll(name!, [...new Set(settings.map((known) => known.name))], 'There are:')}`,
      )
    const text = value.join('=')
    try {
      parseSetting(setting, text)
    } catch (error) {
      throw new UsageError(`--set ${one}: ${(error as Error).message}`)
    }
    return [setting.name, text] as const
  })
  return {
    ...business,
    settings: (deployment) => ({ ...business.settings(deployment), ...Object.fromEntries(values) }),
  }
}
