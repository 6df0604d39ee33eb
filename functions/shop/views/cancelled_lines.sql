-- One row per line of which pieces were cancelled while others of its order had left. Its pieces are null if those of one event can
-- not be read; of lines that are no list there is one row without a line.
SELECT
  order_id,
  line_id,
  sku,
  IF(COUNTIF(quantity IS NULL) > 0, NULL, SUM(quantity)) AS quantity
FROM (
  SELECT
    order_id,
    JSON_VALUE(line, '$.lineId') AS line_id,
    JSON_VALUE(line, '$.sku') AS sku,
    SAFE_CAST(REGEXP_EXTRACT(JSON_VALUE(line, '$.quantity'), r'^\d{1,6}$') AS INT64) AS quantity
  FROM (
    SELECT
      subject AS order_id,
      COALESCE(JSON_QUERY_ARRAY(data, '$.lines'), [JSON 'null']) AS lines
    FROM `{{analytics}}.event_log`
    WHERE type = 'order.partly-cancelled'
  )
  CROSS JOIN UNNEST(lines) AS line
)
GROUP BY order_id, line_id, sku
