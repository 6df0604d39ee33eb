/** Cases of GoogleSQL's suite, by file and name, that BigQuery itself answers otherwise: the suite's time zone is another one. */

export const notOfBigQuery: ReadonlySet<string> = new Set([
  'analytic_lag.test lag_timestamp_default_expression',
  'analytic_lead.test lead_timestamp_default_expression',
  'cast_function.test timestamp_to_string',
  'cast_function.test timestamp_to_string_2',
  'cast_function.test cast_date_to_timestamp',
  'default_timezone_ist.test cast_timestamp_to_date',
  'default_timezone_pst.test cast_timestamp_to_date',
  'in_queries.test in_clause_timestmap_type',
  'timestamp_with_default_time_zone_2.test timestamp_type_1',
  'timestamp_with_default_time_zone_2.test timestamp_to_string_1',
  'timestamp_with_default_time_zone_2.test timestamp_to_string_2',
  'timestamp_with_default_time_zone_2.test timestamp_to_string_3',
  'timestamp_with_default_time_zone_2.test literal_string_without_timezone_to_timestamp_1',
  'timestamp_with_default_time_zone_2.test epoch_casts_between_string_and_timestamp',
  'timestamp_with_default_time_zone_2.test timestamp_from_date',
  'timestamp_with_default_time_zone_2.test timestamp_trunc',
  'unnest_queries.test unnest_timestamp',
])
