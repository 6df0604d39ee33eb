/** Objectives, alerts and dashboard. Applied last: Google refuses an objective over a metric that it has not known for some minutes. */

import type { Construct } from 'constructs'
import { type Business, servicesOf } from '../shared/service/business.ts'
import { Alerts } from './alerts.ts'
import { ProjectBudget } from './budget.ts'
import { dashboard } from './dashboard.ts'
import { EnvironmentStack } from './environment-stack.ts'
import type { Environment } from './environments.ts'
import { MonitoringDashboard, MonitoringNotificationChannel } from './google.ts'
import { Objectives } from './objectives.ts'

export class ObservabilityStack extends EnvironmentStack {
  constructor(scope: Construct, business: Business, environment: Environment) {
    super(scope, 'observability', environment)
    const channel = new MonitoringNotificationChannel(this, 'email', {
      displayName: 'Platform team',
      type: 'email',
      labels: { email_address: environment.alertEmail },
    })
    if (environment.budget) {
      // A budget belongs to no project: Google counts a person's requests about it against the quota of this one.
      this.provider.userProjectOverride = true
      this.provider.billingProject = environment.projectId
      new ProjectBudget(this, 'budget', { budget: environment.budget, channel, environment })
    }
    new Alerts(this, 'alerts', { channel, services: servicesOf(business), environment })
    const { slos } = new Objectives(this, 'objectives', { business, environment, channel })
    new MonitoringDashboard(this, 'dashboard', {
      dashboardJson: dashboard(
        `Millrace ${environment.name}`,
        slos.map((slo) => ({ title: slo.displayNameInput!, name: slo.id })),
        servicesOf(business).flatMap(({ requestObjectives }) => requestObjectives),
      ),
    })
  }
}
