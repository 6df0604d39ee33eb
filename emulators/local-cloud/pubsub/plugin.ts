/** Pub/Sub for the local cloud: the services of google/pubsub/v1/pubsub.proto, and the Terraform types that use them. */

import { vendoredProto } from '../core/api/proto.ts'
import type { Plugin } from '../core/plugin.ts'
import { backlogRoutes } from './api/backlogs.ts'
import { makeCore, type PubsubCore } from './core.ts'
import { pubsubIam } from './iam.ts'
import { publisherAccess, schemaAccess, subscriberAccess } from './permissions.ts'
import { subscriptionGrants, subscriptionProvisioner, topicGrants, topicProvisioner } from './terraform.ts'
import { schemaGrants, schemaProvisioner } from './terraform-schema.ts'

export type { SubscriptionBacklog } from './api/backlogs.ts'
export type { PubsubCore } from './core.ts'

export const pubsub: Plugin<PubsubCore> = {
  name: 'pubsub',
  proto: () => vendoredProto(new URL('pubsub.proto.json', import.meta.url)),
  create(context) {
    const core = makeCore(context)
    return {
      core,
      grpc: [
        { name: 'google.pubsub.v1.Publisher', unary: core.publisher, access: publisherAccess },
        {
          name: 'google.pubsub.v1.Subscriber',
          unary: core.subscriber,
          streaming: { streamingPull: core.streamingPull },
          access: subscriberAccess,
        },
        { name: 'google.pubsub.v1.SchemaService', unary: core.schemas, access: schemaAccess },
      ],
      http: backlogRoutes(core.backlogs),
      resourceExists: core.resourceExists,
      start: async () => core.start(),
      close: async () => core.stop(),
    }
  },
  terraform: {
    google_pubsub_schema: schemaProvisioner,
    ...schemaGrants,
    google_pubsub_topic: topicProvisioner,
    ...topicGrants,
    google_pubsub_subscription: subscriptionProvisioner,
    ...subscriptionGrants,
  },
  iam: pubsubIam,
  environment: (host) => ({ PUBSUB_EMULATOR_HOST: host }),
}
