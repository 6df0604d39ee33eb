/** The permission that each method of Secret Manager requires: https://cloud.google.com/secret-manager/docs/access-control */

import { permissionsOn, projectOf } from '../core/access/required.ts'
import type { RequiredPermission, ServiceAccess } from '../core/service.ts'

interface Named {
  readonly name?: string
}
interface OfParent {
  readonly parent?: string
}

const on = permissionsOn('secretmanager')
/** A version has no policy of its own: its secret's counts. */
const secretOf = (name = ''): string => name.split('/versions/')[0]!
const ofSecret =
  (permission: string) =>
  ({ name }: Named): RequiredPermission[] => [on(permission, secretOf(name))]

/** The permission to read the value of a version: by the API, or as a variable of a container. */
export const accessOf = ofSecret('versions.access')

export const secretManagerAccess: ServiceAccess = {
  refusal: ({ permission, resource }) =>
    `Permission '${permission}' denied for resource '${resource}' (or it may not exist).`,
  domain: 'secretmanager.googleapis.com',
  methods: {
    listSecrets: ({ parent }: OfParent) => [on('secrets.list', projectOf(parent))],
    createSecret: ({ parent }: OfParent) => [on('secrets.create', projectOf(parent))],
    getSecret: ofSecret('secrets.get'),
    updateSecret: ({ secret }: { secret?: Named | null }) => [on('secrets.update', secret?.name ?? '')],
    deleteSecret: ofSecret('secrets.delete'),
    addSecretVersion: ({ parent = '' }: OfParent) => [on('versions.add', parent)],
    listSecretVersions: ({ parent = '' }: OfParent) => [on('versions.list', parent)],
    getSecretVersion: ofSecret('versions.get'),
    accessSecretVersion: accessOf,
    enableSecretVersion: ofSecret('versions.enable'),
    disableSecretVersion: ofSecret('versions.disable'),
    destroySecretVersion: ofSecret('versions.destroy'),
  },
}
