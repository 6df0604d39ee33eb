/** The budget of a project: a mail before the month's cost exceeds it, and when the forecast does. It stops nothing. */

import { Construct } from 'constructs'
import type { Budget, Environment } from './environments.ts'
import { BillingBudget, type MonitoringNotificationChannel } from './google.ts'

/** Shares of the amount: of what was spent, and of what Google expects for the whole month. */
const THRESHOLDS = [
  { thresholdPercent: 0.5, spendBasis: 'CURRENT_SPEND' },
  { thresholdPercent: 0.9, spendBasis: 'CURRENT_SPEND' },
  { thresholdPercent: 1, spendBasis: 'FORECASTED_SPEND' },
]

interface ProjectBudgetProps {
  readonly budget: Budget
  readonly channel: MonitoringNotificationChannel
  readonly environment: Environment
}

export class ProjectBudget extends Construct {
  constructor(scope: Construct, id: string, { budget, channel, environment }: ProjectBudgetProps) {
    super(scope, id)
    new BillingBudget(this, 'month', {
      billingAccount: budget.billingAccount,
      displayName: `Millrace ${environment.name}`,
      // Without the filter it would count every project of the account.
      budgetFilter: { projects: [`projects/${environment.projectNumber}`], calendarPeriod: 'MONTH' },
      // Without a currency code it is in the currency of the account.
      amount: { specifiedAmount: { units: String(budget.monthly) } },
      thresholdRules: THRESHOLDS,
      allUpdatesRule: { monitoringNotificationChannels: [channel.id], disableDefaultIamRecipients: false },
    })
  }
}
