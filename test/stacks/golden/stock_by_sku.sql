-- The pieces of each SKU as a ledger: what came, what people added or wrote off, what left, and what is held.
WITH moves AS (
  SELECT type, field(line, '$.sku') AS sku, whole(part(line, '$.quantity'), 12) AS pieces
  FROM (
    SELECT type, unnest(items(data, '$.lines')) AS line
    FROM events
    WHERE type IN ('stock.received', 'stock.reserved', 'stock.released', 'stock.committed')
  )
  UNION ALL
  SELECT type, field(data, '$.sku'), CASE WHEN abs(TRY_CAST(field(data, '$.change') AS BIGINT)) < 1e12 THEN (field(data, '$.change'))::BIGINT END
  FROM events
  WHERE type = 'stock.adjusted'
),
pieces AS (
  PIVOT moves ON type IN ('stock.received', 'stock.adjusted', 'stock.reserved', 'stock.released', 'stock.committed') USING sum(pieces) GROUP BY sku
),
sums AS (
  SELECT
    sku,
    coalesce("stock.received", 0) AS received,
    coalesce("stock.adjusted", 0) AS adjusted,
    coalesce("stock.committed", 0) AS sold,
    coalesce("stock.reserved", 0) - coalesce("stock.released", 0) - coalesce("stock.committed", 0) AS reserved
  FROM pieces
  WHERE sku IS NOT NULL
)
SELECT sku, received, adjusted, sold, received + adjusted - sold AS on_hand, reserved, received + adjusted - sold - reserved AS available
FROM sums
