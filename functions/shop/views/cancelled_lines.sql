-- One row per line of which pieces were cancelled while others of its order had left.
SELECT
  order_id,
  JSON_VALUE(line, '$.lineId') AS line_id,
  JSON_VALUE(line, '$.sku') AS sku,
  SUM(SAFE_CAST(REGEXP_EXTRACT(JSON_VALUE(line, '$.quantity'), r'^\d{1,6}$') AS INT64)) AS quantity
FROM (
  SELECT
    subject AS order_id,
    JSON_QUERY_ARRAY(data, '$.lines') AS lines
  FROM `{{analytics}}.event_log`
  WHERE type = 'order.partly-cancelled'
)
CROSS JOIN UNNEST(lines) AS line
GROUP BY order_id, JSON_VALUE(line, '$.lineId'), JSON_VALUE(line, '$.sku')
