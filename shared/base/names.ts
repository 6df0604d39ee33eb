/** The names of cloud resources, in the one place that stacks, services and commands read them from. */

export const accountId = (service: string): string => service
export const pushAccountId = (service: string): string => `${service}-push`
/** With the token of this account, Cloud Scheduler calls the service. */
export const cronAccountId = (service: string): string => `${service}-cron`
/** Every task of operators carries this account's token. */
export const operationsAccountId = 'operations'
export const accountEmail = (id: string, projectId: string): string => `${id}@${projectId}.iam.gserviceaccount.com`
export const topicName = (eventType: string): string => eventType
export const subscriptionName = (consumer: string, eventType: string): string => `${consumer}.${eventType}`
export const bigQuerySubscriptionName = (eventType: string): string => `bigquery.${eventType}`
/** The dead-letter topic of a consumer (a service, or `bigquery`), and its pull subscription, which has the same name. */
export const deadLetterName = (consumer: string): string => `${consumer}-dead-letters`
/** The worker pool that pulls the events of a service. */
export const workerPoolName = (service: string): string => `${service}-pull`
export const queueName = (service: string): string => service
export const databaseName = (service: string): string => service
/** The pull subscription in which reports of stuck sagas wait for an operator. */
export const stuckEvent = 'saga.stuck'
export const stuckSubscription = 'operators.saga.stuck'
/** The table of a service's events: the one name that takes no hyphen. */
export const eventsTable = (service: string): string => service.replaceAll('-', '_')
/** Raw events, a table per emitting service, and the views over them. */
export const eventsDataset = 'events'
export const analyticsDataset = 'analytics'
/** `label`: the service's name and the project's number. Known before the service exists. */
export const cloudRunUrl = (label: string, region: string): string => `https://${label}.${region}.run.app`
/** The field with the time at which Firestore deletes a document. */
export const expiryField = 'expireAt'
/** The path to which Pub/Sub pushes events of this type. */
export const eventPath = (eventType: string): string => `/events/${eventType}`
/** The path to which Cloud Scheduler posts when a schedule of the service is due. */
export const schedulePath = (schedule: string): string => `/schedules/${schedule}`
export const jobName = (service: string, schedule: string): string => `${service}-${schedule}`
export const commandPath = (command: string): string => `/commands/${command}`
/** The path at which the owner of a command accepts submissions of it. */
export const submissionPath = (command: string): string => `/submissions/${command}`
/** The path at which the owner of a command answers with the status of a submitted one. */
export const submittedPath = (commandId: string): string => `/submissions/${commandId}`
/** Provided by the runtime of every service: it republishes the recorded events of a correlation id. */
export const republishCommand = 'RepublishEvents'
/** Its name in an earlier release, which tasks in queues and recorded commits still have. */
export const formerRepublishCommand = 'RepeatEvents'
/** Provided by the runtime of every service: it replays dead letters of the service. */
export const replayCommand = 'ReplayDeadLetters'
/** Provided by the runtime of every service: it deletes dead letters of the service. */
export const discardCommand = 'DiscardDeadLetters'
