/** Audit logs: changes of the project, and reads and writes of its data by others than the platform. They are kept longer than other logs. */

import { Construct } from 'constructs'
import type { Environment } from './environments.ts'
import {
  LoggingProjectBucketConfig,
  LoggingProjectExclusion,
  LoggingProjectSink,
  ProjectIamAuditConfig,
  type ServiceAccount,
} from './google.ts'
import { pubsubAgent } from './members.ts'

/** Cloud Logging keeps the required audit logs for the same time. */
const RETENTION_DAYS = 400

/** Google itself keeps `activity` in the bucket `_Required`, for 400 days and without a price; without an exclusion `_Default` would keep these too. */
const OURS = 'log_id("cloudaudit.googleapis.com/data_access") OR log_id("cloudaudit.googleapis.com/policy")'

interface AuditProps {
  /** The service accounts of the services. */
  readonly accounts: readonly ServiceAccount[]
  readonly environment: Environment
}

export class Audit extends Construct {
  constructor(scope: Construct, id: string, { accounts, environment }: AuditProps) {
    super(scope, id)
    const { projectId, region } = environment
    // One request can cause some forty reads and writes: logging them would cost more than the request. Other accesses are rare.
    const exemptedMembers = [...accounts.map(({ member }) => member), pubsubAgent(environment)]
    new ProjectIamAuditConfig(this, 'everything', {
      project: projectId,
      service: 'allServices',
      auditLogConfig: [
        { logType: 'ADMIN_READ' },
        { logType: 'DATA_READ', exemptedMembers },
        { logType: 'DATA_WRITE', exemptedMembers },
      ],
    })
    const kept = new LoggingProjectBucketConfig(this, 'kept', {
      project: projectId,
      location: region,
      bucketId: 'audit',
      retentionDays: RETENTION_DAYS,
    })
    new LoggingProjectSink(this, 'sink', {
      name: 'audit',
      // The bucket is in the same project, so the sink needs no grant.
      destination: `logging.googleapis.com/${kept.id}`,
      filter: OURS,
    })
    new LoggingProjectExclusion(this, 'once', {
      name: 'audit',
      description: 'The bucket audit keeps them longer',
      filter: OURS,
    })
  }
}
