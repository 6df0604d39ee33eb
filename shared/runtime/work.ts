/** Runs a worker of a service, as a process of its worker pool does: it pulls the events, and finishes those that it has on SIGTERM. */

import { addressesOf, readWorkerConfig } from '../base/config.ts'
import { subscriptionName } from '../base/names.ts'
import { makeSubscriber } from '../gcp/clients.ts'
import { startPulling } from '../gcp/puller.ts'
import type { ServiceApp } from '../service/service-app.ts'
import type { Service } from '../service/service.ts'
import { createPlatform } from './create-platform.ts'
import { createReceiver, type Received } from './receive.ts'
import { loadCode, STOP_TIMEOUT_MS } from './serve.ts'

/**
 * Events with one cause come some tens of milliseconds apart, and most read models are read by people. A longer time saves little:
 * docs/scaling.md has the figures.
 */
const GATHER_MS = 500

/** @param load Imports the handlers. */
export async function work(service: Service, load: () => Promise<ServiceApp>): Promise<void> {
  const config = readWorkerConfig(service.name)
  const platform = createPlatform(service, config)
  const { app, call } = await loadCode(service, load, config.GOOGLE_CLOUD_PROJECT)
  const receiver = createReceiver(app, platform, config)
  const prefix = `projects/${config.GOOGLE_CLOUD_PROJECT}/subscriptions/`
  const typeBySubscription = new Map(service.on.map((type) => [prefix + subscriptionName(service.name, type), type]))
  const client = await makeSubscriber(addressesOf(config).pubsub)
  const puller = startPulling({
    client,
    subscriptions: [...typeBySubscription.keys()],
    gatherMs: GATHER_MS,
    async handle(subscription, message) {
      const received: Received = { ...message, pushRequest: () => pushRequestOf(subscription, message) }
      const { status } = await receiver.pulled(typeBySubscription.get(subscription)!, received, call)
      return status === 204
    },
    // A push would be answered with 500: the functions framework failed, say.
    failed: (subscription, error) =>
      platform.log('ERROR', 'message.failed', { type: typeBySubscription.get(subscription)!, error }),
    interrupted: (subscription, error) => platform.log(severityOf(error), 'pull.interrupted', { subscription, error }),
  })

  let isStopping = false
  process.on('SIGTERM', () => {
    if (isStopping) return
    isStopping = true
    setTimeout(() => process.exit(1), STOP_TIMEOUT_MS).unref()
    void puller
      .stop()
      .then(() => Promise.all([client.close(), platform.close()]))
      .then(([, allClosed]) => process.exit(allClosed ? 0 : 1))
  })
}

/** As Pub/Sub would have pushed it: the functions framework makes a CloudEvent of it. */
const pushRequestOf = (
  subscription: string,
  { data, attributes, messageId }: Pick<Received, 'data' | 'attributes' | 'messageId'>,
): object => ({ message: { data: data.toString('base64'), attributes, messageId }, subscription })

/** UNAVAILABLE and DEADLINE_EXCEEDED are how Pub/Sub ends a stream that it has served for long, and CANCELLED how a proxy does. */
const severityOf = (error: Error): 'INFO' | 'WARNING' =>
  [1, 4, 14].includes((error as { code?: number }).code ?? 0) ? 'INFO' : 'WARNING'
