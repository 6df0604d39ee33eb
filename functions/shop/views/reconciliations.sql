-- One row per run of reconciliation that has ended.
SELECT
  subject AS run_id,
  actor AS started_by,
  SAFE_CAST(JSON_VALUE(data, '$.startedAt') AS TIMESTAMP) AS started_at,
  time AS ended_at,
  SAFE_CAST(REGEXP_EXTRACT(JSON_VALUE(data, '$.compared.orders'), r'^-?\d{1,16}$') AS INT64) AS orders,
  SAFE_CAST(REGEXP_EXTRACT(JSON_VALUE(data, '$.inFlight'), r'^-?\d{1,16}$') AS INT64) AS in_flight,
  SAFE_CAST(REGEXP_EXTRACT(JSON_VALUE(data, '$.differences'), r'^-?\d{1,16}$') AS INT64) AS differences
FROM `{{analytics}}.event_log`
WHERE type = 'reconciliation.ended'
