/** The local Google Cloud for any program: a project with a `(default)` database and an account, and no stacks or services. */

import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { bigquery } from 'local-google-cloud/bigquery'
import { cloudScheduler } from 'local-google-cloud/cloud-scheduler'
import { cloudTasks } from 'local-google-cloud/cloud-tasks'
import { createLocalCloud, type LocalCloud } from 'local-google-cloud'
import { createFirestore } from 'local-google-cloud/firestore'
import { closeState, damaged, writeState } from 'local-google-cloud/host'
import { iam } from 'local-google-cloud/iam'
import { pubsub } from 'local-google-cloud/pubsub'
import { secretManager } from 'local-google-cloud/secret-manager'
import { lockDirectory } from './running.ts'

export interface CloudAloneOptions {
  readonly project: string
  readonly region: string
  /** The port of every API; the next one is that of the account. 0: any two free ones. */
  readonly port: number
  /** The folder for state. It is made. */
  readonly dataDirectory: string
  /** Deletes the state before the start. */
  readonly fresh?: boolean | undefined
  /** Answers a query whose composite index is missing, with a warning (default: it is refused, as at Google). */
  readonly warnIndexes?: boolean | undefined
}

export interface CloudAlone {
  readonly cloud: LocalCloud
  /** By these a program finds the cloud. */
  readonly variables: Readonly<Record<string, string>>
  /** The file with the same variables as lines of a shell, and with the run secret. */
  readonly variablesFile: string
  close(): Promise<void>
}

/** The account whose credentials a program gets by default. */
const ACCOUNT_ID = 'developer'
/** The entries of a folder that belong to this program: nothing else is deleted. */
const OWN_FILES = ['cloud', 'bigquery', 'project', 'env']
/** https://cloud.google.com/resource-manager/docs/creating-managing-projects#before_you_begin */
const PROJECT_ID = /^[a-z][-a-z0-9]{4,28}[a-z0-9]$/
const REGION = /^[a-z]+-[a-z]+\d+$/
/** Google numbers projects; programs see it in audiences and in the names of service agents. */
const PROJECT_NUMBER = '100000000000'

/** @throws Error in one line: a value that is refused, a port that is taken, a folder that is locked or holds another project. */
export async function startCloudAlone(options: CloudAloneOptions): Promise<CloudAlone> {
  const { project, region, port, dataDirectory, fresh = false, warnIndexes = false } = options
  if (!PROJECT_ID.test(project))
    throw new Error(
      `"${project}" can't be the id of a project: it takes 6 to 30 lower-case letters, digits and hyphens, beginning with a letter.`,
    )
  if (!REGION.test(region)) throw new Error(`"${region}" is not the name of a region: europe-west1 is one.`)
  const lock = lockDirectory(
    dataDirectory,
    () => `A local cloud already runs with the state in ${dataDirectory}: use it, stop it, or give another folder.`,
  )
  try {
    openFolder(dataDirectory, project, fresh)
    const email = `${ACCOUNT_ID}@${project}.iam.gserviceaccount.com`
    const cloud = await createLocalCloud({
      plugins: [
        iam,
        createFirestore({ indexes: warnIndexes ? 'warn' : 'enforce' }),
        bigquery({ directory: join(dataDirectory, 'bigquery') }),
        pubsub,
        cloudTasks,
        cloudScheduler,
        secretManager,
      ],
      project: { id: project, number: PROJECT_NUMBER, region },
      ownerPort: port,
      accounts: [{ email, port: port === 0 ? 0 : port + 1 }],
      dataDir: join(dataDirectory, 'cloud'),
    })
    const close = (): Promise<void> => cloud.close().finally(() => lock.close())
    try {
      await makeFirst(cloud, project, region)
    } catch (error) {
      await cloud.close()
      throw error
    }
    const variables = variablesOf(cloud, project, email)
    const variablesFile = join(dataDirectory, 'env')
    writeState(variablesFile, `${exportLines({ ...variables, LOCAL_CLOUD_SECRET: cloud.secret })}\n`)
    return { cloud, variables, variablesFile, close }
  } catch (error) {
    lock.close()
    throw error
  }
}

/** A folder keeps the state of one project. */
function openFolder(folder: string, project: string, fresh: boolean): void {
  if (fresh) for (const name of OWN_FILES) rmSync(join(folder, name), { recursive: true, force: true })
  for (const name of ['cloud', 'bigquery']) {
    mkdirSync(join(folder, name), { recursive: true })
    closeState(join(folder, name))
  }
  const file = join(folder, 'project')
  const kept = existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined
  if (kept === '') throw damaged(file)
  if (kept !== undefined && kept !== project)
    throw new Error(`${folder} keeps the state of the project ${kept}: give another folder, or delete it with --fresh.`)
  writeState(file, `${project}\n`)
}

/** The resources that every project at Google has, or that the first line of a tutorial expects. */
async function makeFirst(cloud: LocalCloud, project: string, region: string): Promise<void> {
  const database = { type: 'FIRESTORE_NATIVE', locationId: region }
  await unlessExists(cloud.api('POST', `/v1/projects/${project}/databases?databaseId=(default)`, database))
  await unlessExists(cloud.api('POST', `/v1/projects/${project}/serviceAccounts`, { accountId: ACCOUNT_ID }))
}

async function unlessExists(created: Promise<unknown>): Promise<void> {
  try {
    await created
  } catch (error) {
    if ((error as { httpStatus?: number }).httpStatus !== 409) throw error
  }
}

function variablesOf(cloud: LocalCloud, project: string, email: string): Record<string, string> {
  return {
    GOOGLE_CLOUD_PROJECT: project,
    ...cloud.environmentOf('owner'),
    // No client of Google reads these: programs give them to their clients of Cloud Tasks and Secret Manager.
    CLOUD_TASKS_EMULATOR_HOST: cloud.ownerHost,
    CLOUD_SCHEDULER_EMULATOR_HOST: cloud.ownerHost,
    SECRET_MANAGER_EMULATOR_HOST: cloud.ownerHost,
    // Default credentials are those of the account, without a key file. Python looks for the server at its own variable.
    GCE_METADATA_HOST: cloud.hostOf(email),
    GCE_METADATA_IP: cloud.hostOf(email),
  }
}

/** The variables as lines for a shell. */
export const exportLines = (variables: Readonly<Record<string, string>>): string =>
  Object.entries(variables)
    .map(([name, value]) => `export ${name}=${value}`)
    .join('\n')
