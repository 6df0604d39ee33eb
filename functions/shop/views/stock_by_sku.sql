-- The pieces of each SKU, by the events of inventory: what came, what people added or wrote off, what was sold and what is reserved.
SELECT
  sku,
  COALESCE(SUM(received), 0) AS received,
  COALESCE(SUM(adjusted), 0) AS adjusted,
  COALESCE(SUM(sold), 0) AS sold,
  COALESCE(SUM(received + adjusted - sold), 0) AS on_hand,
  COALESCE(SUM(reserved), 0) AS reserved,
  COALESCE(SUM(received + adjusted - sold - reserved), 0) AS available
FROM (
  SELECT
    sku,
    IF(type = 'stock.received', pieces, 0) AS received,
    0 AS adjusted,
    IF(type = 'stock.committed', pieces, 0) AS sold,
    CASE type WHEN 'stock.received' THEN 0 WHEN 'stock.reserved' THEN pieces ELSE -pieces END AS reserved
  FROM (
    SELECT
      type,
      JSON_VALUE(line, '$.sku') AS sku,
      SAFE_CAST(REGEXP_EXTRACT(JSON_VALUE(line, '$.quantity'), r'^\d{1,12}$') AS INT64) AS pieces
    FROM (
      SELECT type, JSON_QUERY_ARRAY(data, '$.lines') AS lines
      FROM `{{analytics}}.event_log`
      WHERE type IN ('stock.received', 'stock.reserved', 'stock.released', 'stock.committed')
    )
    CROSS JOIN UNNEST(lines) AS line
  )
  UNION ALL
  SELECT
    JSON_VALUE(data, '$.sku'),
    0,
    SAFE_CAST(REGEXP_EXTRACT(JSON_VALUE(data, '$.change'), r'^-?\d{1,12}$') AS INT64),
    0,
    0
  FROM `{{analytics}}.event_log`
  WHERE type = 'stock.adjusted'
)
WHERE sku IS NOT NULL
GROUP BY sku
