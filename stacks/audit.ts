/** Who did what to the project, and who but the platform read or wrote its data: kept for longer than the logs. */

import { Construct } from 'constructs'
import type { Environment } from './environments.ts'
import { LoggingProjectBucketConfig, LoggingProjectSink, ProjectIamAuditConfig, type ServiceAccount } from './google.ts'
import { pubsubAgent } from './members.ts'

/** As long as Cloud Logging keeps what it never lets go of. */
const RETENTION_DAYS = 400

interface AuditProps {
  /** Those that the services run as. */
  readonly accounts: readonly ServiceAccount[]
  readonly environment: Environment
}

export class Audit extends Construct {
  constructor(scope: Construct, id: string, { accounts, environment }: AuditProps) {
    super(scope, id)
    const { projectId, region } = environment
    // Each order reads and writes some forty times: those lines would cost more than the order. A stranger's are few.
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
      // The bucket is the project's own, so that the sink needs no grant.
      destination: `logging.googleapis.com/${kept.id}`,
      filter:
        'log_id("cloudaudit.googleapis.com/data_access") OR log_id("cloudaudit.googleapis.com/activity") OR log_id("cloudaudit.googleapis.com/policy")',
    })
  }
}
