/** The options of jobs. `options.test.ts` compares them with those of Google's API description. */
// https://cloud.google.com/bigquery/docs/reference/rest/v2/Job

import type { Options } from './options.ts'

const sessions = 'there are no sessions: each query stands alone'
const legacy = 'legacy SQL is not translated'
const external = 'it reads its own tables only'

const rangeOptions = (): Options => ({ honoured: '', kept: 'start end interval' })
export const rangePartitioningOptions = (): Options => ({
  honoured: '',
  kept: 'field range',
  inside: { range: rangeOptions },
})
export const timePartitioningOptions = (): Options => ({
  honoured: '',
  kept: 'type field requirePartitionFilter',
  refused: { expirationMs: 'no partition expires: delete its rows' },
})
export const clusteringOptions = (): Options => ({ honoured: '', kept: 'fields' })
export const datasetReferenceOptions = (): Options => ({ honoured: 'datasetId projectId' })
export const tableReferenceOptions = (): Options => ({ honoured: 'tableId datasetId projectId' })

const parameterTypeOptions = (): Options => ({
  honoured: 'type arrayType structTypes',
  refused: {
    rangeElementType: 'there are no RANGE values',
    timestampPrecision: { reason: 'timestamps have microseconds', accepted: ['6', 6] },
  },
  inside: {
    arrayType: parameterTypeOptions,
    structTypes: () => ({ honoured: 'name type', kept: 'description', inside: { type: parameterTypeOptions } }),
  },
})
const parameterValueOptions = (): Options => ({
  honoured: 'value arrayValues structValues',
  refused: { rangeValue: 'there are no RANGE values' },
  inside: { arrayValues: parameterValueOptions },
})
const queryParameterOptions = (): Options => ({
  honoured: 'name parameterType parameterValue',
  inside: { parameterType: parameterTypeOptions, parameterValue: parameterValueOptions },
})

const ofBoth = {
  honoured: 'query queryParameters parameterMode defaultDataset maximumBytesBilled connectionProperties useLegacySql',
  kept: 'useQueryCache destinationEncryptionConfiguration',
  refused: {
    continuous: 'continuous queries are not run',
    createSession: sessions,
    preserveNulls: 'an array with a NULL is refused',
    secureContext: 'queries have no secure context',
    writeIncrementalResults: 'a query has its rows when it is done',
  },
  inside: {
    queryParameters: queryParameterOptions,
    defaultDataset: datasetReferenceOptions,
    connectionProperties: (): Options => ({ honoured: 'key value' }),
  },
}

const queryOptions = (): Options => ({
  honoured: `${ofBoth.honoured} destinationTable createDisposition writeDisposition clustering timePartitioning rangePartitioning`,
  // Of legacy SQL, or of billing.
  kept: `${ofBoth.kept} priority allowLargeResults flattenResults maximumBillingTier`,
  outputs: 'systemVariables',
  refused: {
    ...ofBoth.refused,
    schemaUpdateOptions: 'change the schema of the table by tables.patch first',
    scriptOptions: 'scripts of several statements are not run',
    tableDefinitions: external,
    userDefinedFunctionResources: legacy,
  },
  inside: {
    ...ofBoth.inside,
    destinationTable: tableReferenceOptions,
    clustering: clusteringOptions,
    timePartitioning: timePartitioningOptions,
    rangePartitioning: rangePartitioningOptions,
  },
})

export const onlyQueries = 'the local cloud runs query jobs only, and takes rows by insertAll and INSERT'

export const jobOptions = (): Options => ({
  honoured: 'configuration jobReference',
  outputs: 'etag id jobCreationReason kind principal_subject selfLink statistics status user_email',
  inside: {
    jobReference: () => ({ honoured: 'jobId location projectId' }),
    configuration: () => ({
      honoured: 'query dryRun jobTimeoutMs',
      kept: 'labels jobType reservation maxSlots',
      refused: { load: onlyQueries, copy: onlyQueries, extract: onlyQueries },
      inside: { query: queryOptions },
    }),
  },
})

export const queryRequestOptions = (): Options => ({
  honoured: `${ofBoth.honoured} dryRun formatOptions jobTimeoutMs location maxResults timeoutMs requestId`,
  kept: `${ofBoth.kept} kind labels reservation maxSlots jobCreationMode`,
  refused: {
    ...ofBoth.refused,
    queryResultsFormat: { reason: 'rows are answered as JSON', accepted: ['STRUCT_ENCODING'] },
    arrowSerializationOptions: 'rows are answered as JSON',
  },
  inside: {
    ...ofBoth.inside,
    formatOptions: () => ({ honoured: 'useInt64Timestamp timestampOutputFormat' }),
  },
})

const formatParameters = 'formatOptions.useInt64Timestamp formatOptions.timestampOutputFormat'
export const resultParameters: Options = {
  honoured: `${formatParameters} maxResults pageToken startIndex location timeoutMs`,
}
export const jobParameters: Options = { honoured: 'location' }
export const jobListParameters: Options = {
  honoured: 'maxResults pageToken minCreationTime maxCreationTime stateFilter projection',
  // Everyone sees the jobs of everyone.
  kept: 'allUsers',
  refused: { parentJobId: 'scripts of several statements are not run' },
}
