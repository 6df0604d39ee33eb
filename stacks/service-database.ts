/** The Firestore database of one service, and the only grant to it. */

import { Construct } from 'constructs'
import { databaseName, expiryField } from '../shared/base/names.ts'
import type { Service } from '../shared/service/service.ts'
import type { Environment } from './environments.ts'
import {
  FirestoreBackupSchedule,
  FirestoreDatabase,
  FirestoreField,
  FirestoreIndex,
  ProjectIamMember,
} from './google.ts'
import { serviceMember } from './members.ts'
import { validName } from './naming-rules.ts'

/** One day, a week and four weeks: what was erased is gone from the last backup after the longest of them. */
const BACKUPS_KEPT = {
  protected: { daily: '604800s', weekly: '2419200s' },
  others: { daily: '86400s', weekly: '604800s' },
} as const

export class ServiceDatabase extends Construct {
  constructor(
    scope: Construct,
    id: string,
    { service, environment }: { readonly service: Service; readonly environment: Environment },
  ) {
    super(scope, id)
    const database = new FirestoreDatabase(this, 'database', {
      name: validName('database', databaseName(service.name)),
      locationId: environment.databaseLocation,
      type: 'FIRESTORE_NATIVE',
      concurrencyMode: 'PESSIMISTIC',
      pointInTimeRecoveryEnablement: environment.protectsData
        ? 'POINT_IN_TIME_RECOVERY_ENABLED'
        : 'POINT_IN_TIME_RECOVERY_DISABLED',
      deleteProtectionState: environment.protectsData ? 'DELETE_PROTECTION_ENABLED' : 'DELETE_PROTECTION_DISABLED',
      // Abandoned, a database would leave the state and stay at Google, and the next deployment could not create it.
      deletionPolicy: 'DELETE',
    })
    const { daily, weekly } = environment.protectsData ? BACKUPS_KEPT.protected : BACKUPS_KEPT.others
    new FirestoreBackupSchedule(this, 'daily-backup', {
      database: database.name,
      retention: daily,
      dailyRecurrence: {},
    })
    new FirestoreBackupSchedule(this, 'weekly-backup', {
      database: database.name,
      retention: weekly,
      weeklyRecurrence: { day: 'SUNDAY' },
    })
    for (const [collection, { unindexed = [], indexes = [], keptForDays }] of Object.entries(service.collections)) {
      if (keptForDays !== undefined) {
        new FirestoreField(this, `expires-${collection}`, {
          database: database.name,
          collection,
          field: expiryField,
          ttlConfig: {},
          // An index over increasing times limits a collection to 500 writes a second.
          indexConfig: {},
        })
      }
      for (const field of unindexed) {
        // An empty index_config is the exemption.
        new FirestoreField(this, `unindexed-${collection}-${field === '*' ? 'all' : field}`, {
          database: database.name,
          collection,
          field,
          indexConfig: {},
        })
      }
      // Firestore has no composite index of one field. The query that it serves may be of a collection without indexes.
      const single = Map.groupBy(
        indexes.flatMap((fields) => (fields.length === 1 ? fields : [])),
        (field) => field.replace(/^-/, ''),
      )
      for (const [field, directed] of single)
        new FirestoreField(this, `indexed-${collection}-${field}`, {
          database: database.name,
          collection,
          field,
          indexConfig: {
            indexes: directed.map((path) => ({ order: path.startsWith('-') ? 'DESCENDING' : 'ASCENDING' })),
          },
        })
      for (const [index, fields] of indexes.entries()) {
        if (fields.length === 1) continue
        new FirestoreIndex(this, `index-${collection}-${index}`, {
          database: database.name,
          collection,
          fields: fields.map((path) => ({
            fieldPath: path.replace(/^-/, ''),
            order: path.startsWith('-') ? 'DESCENDING' : 'ASCENDING',
          })),
        })
      }
    }
    const { projectId } = environment
    new ProjectIamMember(this, 'uses', {
      project: projectId,
      role: 'roles/datastore.user',
      member: serviceMember(service.name, environment),
      // Without the condition every service could read every database.
      condition: {
        title: `database-${database.nameInput}`,
        expression: `resource.name == "projects/${projectId}/databases/${database.nameInput}"`,
      },
    })
  }
}
