-- One row per line of an order, as it was placed.
SELECT
  placed.subject AS order_id,
  JSON_VALUE(line, '$.lineId') AS line_id,
  JSON_VALUE(line, '$.sku') AS sku,
  SAFE_CAST(JSON_VALUE(line, '$.quantity') AS INT64) AS quantity,
  SAFE_CAST(JSON_VALUE(line, '$.unitMinor') AS INT64) AS unit_minor,
  SAFE_CAST(JSON_VALUE(line, '$.unitMinor') AS INT64) * {{minor unit of JSON_VALUE(placed.data, '$.currency')}} AS unit_price,
  JSON_VALUE(placed.data, '$.currency') AS currency
FROM `{{analytics}}.event_log` AS placed
CROSS JOIN UNNEST(JSON_QUERY_ARRAY(placed.data, '$.lines')) AS line
WHERE placed.type = 'order.placed'
