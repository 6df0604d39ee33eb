/** Firestore for the local cloud: Google's data and admin services, and the Terraform types that use them. */

import type { FirestoreCore } from './database.ts'
import { vendoredProto } from '../core/api/proto.ts'
import type { Plugin } from '../core/plugin.ts'
import { type FirestoreOptions, createCore } from './core.ts'
import { firestoreIam } from './iam.ts'
import { services } from './services.ts'
import { backupRoutes } from './api/backup-routes.ts'
import { databaseProvisioner, fieldProvisioner, indexProvisioner, scheduleProvisioner } from './terraform.ts'

export type { FirestoreOptions } from './core.ts'
export type { FirestoreCore } from './database.ts'

export const createFirestore = (options: FirestoreOptions = {}): Plugin<FirestoreCore> => ({
  name: 'firestore',
  proto: () => vendoredProto(new URL('firestore.proto.json', import.meta.url)),
  create(context) {
    const core = createCore(context, options)
    return {
      core,
      grpc: services(core),
      http: backupRoutes(core),
      resourceExists: (name) =>
        /^projects\/[^/]+\/databases\/[^/]+$/.test(name) ? core.admin.databases.has(name) : undefined,
      async start() {
        core.expiry.start()
        core.backups.start()
      },
      close: async () => core.close(),
    }
  },
  terraform: {
    google_firestore_database: databaseProvisioner,
    google_firestore_index: indexProvisioner,
    google_firestore_field: fieldProvisioner,
    google_firestore_backup_schedule: scheduleProvisioner,
  },
  iam: firestoreIam,
  environment: (host) => ({ FIRESTORE_EMULATOR_HOST: host }),
})

export const firestore = createFirestore()
