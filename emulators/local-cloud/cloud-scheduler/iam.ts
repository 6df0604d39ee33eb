/** Cloud Scheduler's declarations for IAM: jobs have no policies, so roles are granted on the project. */

import type { IamFacts } from '../core/iam-facts.ts'

/** https://cloud.google.com/iam/docs/understanding-roles */
export const schedulerIam: IamFacts = {
  roles: {
    'roles/cloudscheduler.jobRunner': ['cloudscheduler.jobs.run'],
    'roles/cloudscheduler.viewer': ['cloudscheduler.jobs.get', 'cloudscheduler.jobs.list'],
  },
}
