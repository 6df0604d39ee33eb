/** Refuses an environment whose values name nothing that the business declares, before a stack is made. */

import { secretNamesOf } from '../shared/base/secret.ts'
import { type Business, servicesOf } from '../shared/service/business.ts'
import { checkBusiness, checkKnown } from '../shared/service/check-business.ts'
import { type Environment, secretsWithVersionIn } from './environments.ts'

/** @throws Error that names each reference to something undeclared */
export function checkEnvironment(environment: Environment, business: Business): void {
  checkBusiness(business, environment)
  const services = servicesOf(business)
  for (const released of Object.keys(environment.releases ?? {}))
    if (!services.some(({ name }) => name === released))
      throw new Error(`stacks/images.json has "${environment.name}/${released}", but there is no service ${released}.`)
  const digests = { [environment.name]: environment.imageDigest }
  for (const [service, digest] of Object.entries(environment.releases ?? {}))
    digests[`${environment.name}/${service}`] = digest
  for (const [name, digest] of Object.entries(digests))
    if (!/^sha256:[0-9a-f]{64}$/.test(digest))
      throw new Error(
        `stacks/images.json has "${name}": "${digest}", but a digest is sha256: and 64 hexadecimal digits: npm run image -- ${environment.name} writes it.`,
      )
  checkKnown(
    secretsWithVersionIn(environment.name),
    secretNamesOf(services),
    `versions of ${environment.name} in stacks/secret-versions.json`,
    'secret that a service names',
  )
}
