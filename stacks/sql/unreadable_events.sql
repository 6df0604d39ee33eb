-- One row per message that event_log leaves out, or has without what other views find it by. Normally there are no rows.
SELECT message_id, publish_time, reason, envelope
FROM (
  SELECT
    message_id,
    publish_time,
    CASE
      WHEN JSON_VALUE(envelope, '$.id') IS NULL THEN 'no id'
      WHEN JSON_VALUE(envelope, '$.type') IS NULL THEN 'no type'
      WHEN SAFE_CAST(JSON_VALUE(envelope, '$.time') AS TIMESTAMP) IS NULL THEN 'no time'
      WHEN SAFE_CAST(JSON_VALUE(envelope, '$.sequence') AS INT64) IS NULL THEN 'no sequence'
      WHEN SAFE_CAST(JSON_VALUE(envelope, '$.version') AS INT64) IS NULL THEN 'no version'
      WHEN JSON_VALUE(envelope, '$.source') IS NULL THEN 'no source'
      WHEN JSON_VALUE(envelope, '$.subject') IS NULL THEN 'no subject'
      WHEN JSON_VALUE(envelope, '$.correlationId') IS NULL THEN 'no correlation id'
    END AS reason,
    envelope
  FROM (
    {{raw events}}
  )
)
WHERE reason IS NOT NULL
