-- One row per difference that a run of reconciliation found. `sides` is JSON: the value of each side.
SELECT
  subject AS run_id,
  JSON_VALUE(data, '$.kind') AS kind,
  JSON_VALUE(data, '$.id') AS id,
  TO_JSON_STRING(JSON_QUERY(data, '$.values')) AS sides,
  time AS found_at
FROM `{{analytics}}.event_log`
WHERE type = 'difference.found'
