/** The secrets of the services, without their values, and who reads them: the services that name them, and no other account. */

import { Construct } from 'constructs'
import { purposeOf, secretNamesOf } from '../shared/base/secret.ts'
import type { Service } from '../shared/service/service.ts'
import type { Environment } from './environments.ts'
import { SecretManagerSecret, SecretManagerSecretIamBinding, type ServiceAccount } from './google.ts'
import { serviceMember } from './members.ts'
import { validName } from './naming-rules.ts'

interface PartnerSecretsProps {
  readonly services: readonly Service[]
  readonly environment: Environment
  /** The accounts of the services, in the same order: a grant needs its members. */
  readonly accounts: readonly ServiceAccount[]
}

export class PartnerSecrets extends Construct {
  constructor(scope: Construct, id: string, { services, environment, accounts }: PartnerSecretsProps) {
    super(scope, id)
    for (const name of secretNamesOf(services)) {
      const users = services.filter(({ secrets }) => Object.hasOwn(secrets, name))
      const secret = new SecretManagerSecret(this, name, {
        secretId: validName('secret', name),
        // In the region of the services, as the databases are.
        replication: { userManaged: { replicas: [{ location: environment.region }] } },
        annotations: Object.fromEntries(users.map((service) => [service.name, purposeOf(service.secrets[name]!)])),
      })
      new SecretManagerSecretIamBinding(this, `${name}-accessors`, {
        secretId: secret.secretId,
        role: 'roles/secretmanager.secretAccessor',
        members: users.map((service) => serviceMember(service.name, environment)),
        dependsOn: accounts.filter((_, index) => users.includes(services[index]!)),
      })
    }
  }
}
