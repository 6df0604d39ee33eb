/** The predefined roles that the stacks grant or that deploy them, and what each allows: https://cloud.google.com/iam/docs/understanding-roles */

export const roles: Readonly<Record<string, readonly string[]>> = {
  'roles/run.invoker': ['run.routes.invoke'],
  'roles/run.developer': [
    'run.services.create',
    'run.services.delete',
    'run.services.get',
    'run.services.getIamPolicy',
    'run.services.list',
    'run.services.update',
  ],
  'roles/pubsub.editor': [
    'pubsub.subscriptions.consume',
    'pubsub.subscriptions.create',
    'pubsub.subscriptions.delete',
    'pubsub.subscriptions.get',
    'pubsub.subscriptions.list',
    'pubsub.subscriptions.update',
    'pubsub.topics.attachSubscription',
    'pubsub.topics.create',
    'pubsub.topics.delete',
    'pubsub.topics.detachSubscription',
    'pubsub.topics.get',
    'pubsub.topics.list',
    'pubsub.topics.publish',
    'pubsub.topics.update',
  ],
  'roles/pubsub.publisher': ['pubsub.topics.publish'],
  'roles/pubsub.subscriber': [
    'pubsub.snapshots.seek',
    'pubsub.subscriptions.consume',
    'pubsub.topics.attachSubscription',
  ],
  'roles/cloudtasks.enqueuer': ['cloudtasks.tasks.create', 'cloudtasks.tasks.fullView'],
  'roles/iam.serviceAccountUser': ['iam.serviceAccounts.actAs', 'iam.serviceAccounts.get', 'iam.serviceAccounts.list'],
  'roles/iam.serviceAccountTokenCreator': [
    'iam.serviceAccounts.getAccessToken',
    'iam.serviceAccounts.getOpenIdToken',
    'iam.serviceAccounts.implicitDelegation',
    'iam.serviceAccounts.signBlob',
    'iam.serviceAccounts.signJwt',
  ],
  'roles/iam.serviceAccountOpenIdTokenCreator': ['iam.serviceAccounts.getOpenIdToken'],
  'roles/datastore.user': [
    'datastore.databases.get',
    'datastore.entities.allocateIds',
    'datastore.entities.create',
    'datastore.entities.delete',
    'datastore.entities.get',
    'datastore.entities.list',
    'datastore.entities.update',
    'datastore.indexes.list',
    'datastore.namespaces.get',
    'datastore.namespaces.list',
    'datastore.statistics.get',
    'datastore.statistics.list',
  ],
  'roles/bigquery.dataEditor': [
    'bigquery.tables.get',
    'bigquery.tables.getData',
    'bigquery.tables.update',
    'bigquery.tables.updateData',
    'bigquery.datasets.get',
  ],
  'roles/bigquery.dataViewer': ['bigquery.tables.get', 'bigquery.tables.getData', 'bigquery.datasets.get'],
  'roles/bigquery.metadataViewer': ['bigquery.tables.get', 'bigquery.datasets.get'],
  'roles/bigquery.jobUser': ['bigquery.jobs.create'],
  'roles/cloudtrace.agent': ['cloudtrace.traces.patch'],
  'roles/telemetry.writer': ['telemetry.traces.write', 'telemetry.metrics.write', 'telemetry.logs.write'],
  'roles/telemetry.metricsWriter': ['monitoring.timeSeries.create'],
  'roles/telemetry.tracesWriter': ['telemetry.traces.write'],
  'roles/logging.logWriter': ['logging.logEntries.create', 'logging.logEntries.route'],
  'roles/monitoring.metricWriter': ['monitoring.timeSeries.create', 'monitoring.metricDescriptors.create'],
  'roles/artifactregistry.reader': ['artifactregistry.repositories.downloadArtifacts'],
  'roles/artifactregistry.writer': ['artifactregistry.repositories.uploadArtifacts'],
  'roles/serviceusage.serviceUsageConsumer': ['serviceusage.services.use'],
  'roles/firebaseauth.viewer': ['firebaseauth.configs.get', 'firebaseauth.users.get'],
  'roles/secretmanager.secretAccessor': ['secretmanager.versions.access'],
}

const byPermission = new Map<string, Set<string>>()
for (const [role, permissions] of Object.entries(roles))
  for (const permission of permissions)
    byPermission.set(permission, (byPermission.get(permission) ?? new Set()).add(role))
const none: ReadonlySet<string> = new Set()

/** Asked at every call: the roles that allow this. */
export const rolesWith = (permission: string): ReadonlySet<string> => byPermission.get(permission) ?? none
