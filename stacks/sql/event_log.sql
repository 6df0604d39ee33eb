-- One row per event: delivery is at least once, the envelope's id tells a repeat.
SELECT
  JSON_VALUE(data, '$.id') AS id,
  JSON_VALUE(data, '$.type') AS type,
  CAST(JSON_VALUE(data, '$.version') AS INT64) AS version,
  JSON_VALUE(data, '$.source') AS source,
  JSON_VALUE(data, '$.subject') AS subject,
  CAST(JSON_VALUE(data, '$.sequence') AS INT64) AS sequence,
  CAST(JSON_VALUE(data, '$.time') AS TIMESTAMP) AS time,
  JSON_VALUE(data, '$.correlationId') AS correlation_id,
  JSON_VALUE(data, '$.causationId') AS causation_id,
  JSON_VALUE(data, '$.actor') AS actor,
  JSON_QUERY(data, '$.data') AS data,
  publish_time
FROM (
  {{raw events}}
)
QUALIFY ROW_NUMBER() OVER (PARTITION BY JSON_VALUE(data, '$.id') ORDER BY publish_time) = 1
