-- One row per event: delivery is at least once, so duplicates are removed by the envelope's id. A message without an id is not
-- an event. A field that can not be parsed is null, because otherwise one such message would fail every query. The raw column
-- is not named data, because in QUALIFY a name of the SELECT list takes precedence over a column's.
SELECT
  JSON_VALUE(envelope, '$.id') AS id,
  JSON_VALUE(envelope, '$.type') AS type,
  SAFE_CAST(JSON_VALUE(envelope, '$.version') AS INT64) AS version,
  JSON_VALUE(envelope, '$.source') AS source,
  JSON_VALUE(envelope, '$.subject') AS subject,
  SAFE_CAST(JSON_VALUE(envelope, '$.sequence') AS INT64) AS sequence,
  SAFE_CAST(JSON_VALUE(envelope, '$.time') AS TIMESTAMP) AS time,
  JSON_VALUE(envelope, '$.correlationId') AS correlation_id,
  JSON_VALUE(envelope, '$.causationId') AS causation_id,
  JSON_VALUE(envelope, '$.actor') AS actor,
  JSON_QUERY(envelope, '$.data') AS data,
  publish_time
FROM (
  {{raw events}}
)
WHERE JSON_VALUE(envelope, '$.id') IS NOT NULL{{and since}}
QUALIFY ROW_NUMBER() OVER (PARTITION BY JSON_VALUE(envelope, '$.id') ORDER BY publish_time) = 1
