-- One row per line of an order, as it was placed. A number is whole and as long as its contract allows, or null: no row makes
-- a sum overflow. Lines that are no list are one row without a line. The event's data stays in the inner query: beside each of a thousand lines it would be read a thousand times.
SELECT
  order_id,
  JSON_VALUE(line, '$.lineId') AS line_id,
  JSON_VALUE(line, '$.sku') AS sku,
  SAFE_CAST(REGEXP_EXTRACT(JSON_VALUE(line, '$.quantity'), r'^\d{1,6}$') AS INT64) AS quantity,
  SAFE_CAST(REGEXP_EXTRACT(JSON_VALUE(line, '$.unitMinor'), r'^\d{1,10}$') AS INT64) AS unit_minor,
  SAFE_CAST(REGEXP_EXTRACT(JSON_VALUE(line, '$.unitMinor'), r'^\d{1,10}$') AS INT64) * {{minor unit of currency}} AS unit_price,
  currency
FROM (
  SELECT
    subject AS order_id,
    JSON_VALUE(data, '$.currency') AS currency,
    COALESCE(JSON_QUERY_ARRAY(data, '$.lines'), [JSON 'null']) AS lines
  FROM `{{analytics}}.event_log`
  WHERE type IN ('order.placed', 'order.imported')
)
CROSS JOIN UNNEST(lines) AS line
