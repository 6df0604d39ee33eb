/** The repository of the services' image, and the account that Cloud Build runs as. */

import { Construct } from 'constructs'
import { accountEmail } from '../shared/base/names.ts'
import { buildSourcesBucket, type Environment, imageBuilderId, imageRepositoryId } from './environments.ts'
import {
  ArtifactRegistryRepository,
  ArtifactRegistryRepositoryIamBinding,
  ProjectIamMember,
  ServiceAccount,
  StorageBucket,
  StorageBucketIamBinding,
} from './google.ts'
import { validName } from './naming-rules.ts'

export class ImageBuilds extends Construct {
  constructor(scope: Construct, id: string, { environment }: { readonly environment: Environment }) {
    super(scope, id)
    const { projectId, region } = environment
    const repository = new ArtifactRegistryRepository(this, 'images', {
      repositoryId: imageRepositoryId,
      location: region,
      format: 'DOCKER',
      dockerConfig: { immutableTags: true },
      // Cloud Run has a copy of the images that its revisions run.
      cleanupPolicies: [
        { id: 'delete-old', action: 'DELETE', condition: { olderThan: '7776000s' } },
        { id: 'keep-recent', action: 'KEEP', mostRecentVersions: { keepCount: 50 } },
      ],
    })
    // Cloud Build's default is the project's compute account, whose permissions depend on the organization.
    const builder = new ServiceAccount(this, 'builder', {
      accountId: validName('account', imageBuilderId),
      displayName: 'Builds the image of the services',
    })
    const member = `serviceAccount:${accountEmail(imageBuilderId, projectId)}`
    const dependsOn = [builder]
    new ArtifactRegistryRepositoryIamBinding(this, 'builder-pushes', {
      repository: repository.repositoryId,
      location: region,
      role: 'roles/artifactregistry.writer',
      members: [member],
      dependsOn,
    })
    const sources = new StorageBucket(this, 'sources', {
      name: buildSourcesBucket(environment),
      location: region,
      uniformBucketLevelAccess: true,
      publicAccessPrevention: 'enforced',
      forceDestroy: true,
      lifecycleRule: [{ action: { type: 'Delete' }, condition: { age: 7 } }],
    })
    new StorageBucketIamBinding(this, 'builder-reads', {
      bucket: sources.name,
      role: 'roles/storage.objectViewer',
      members: [member],
      dependsOn,
    })
    new ProjectIamMember(this, 'builder-logs', {
      project: projectId,
      role: 'roles/logging.logWriter',
      member,
      dependsOn,
    })
  }
}
