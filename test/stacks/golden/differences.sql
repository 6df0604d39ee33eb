-- Each difference that a run found, with the values of its sides: BigQuery sorts the members of a JSON object by name.
SELECT
  subject AS run_id,
  field(data, '$.kind') AS kind,
  field(data, '$.id') AS id,
  (SELECT '{' || string_agg('"' || key || '":' || value, ',' ORDER BY key) || '}' FROM json_each(part(data, '$.values'))) AS sides,
  happened AS found_at
FROM events
WHERE type = 'difference.found'
