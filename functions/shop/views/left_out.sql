-- The number of rows that a view leaves out, or whose value it has as null because the event's value can not be read. There are normally no rows.
SELECT source, value, left_out
FROM (
  SELECT 'event_log' AS source, 'event' AS value, COUNT(*) AS left_out FROM `{{analytics}}.unreadable_events`
  UNION ALL
  SELECT 'orders', 'total', COUNTIF(total IS NULL) FROM `{{analytics}}.orders`
  UNION ALL
  SELECT 'orders', 'placed_at', COUNTIF(placed_at IS NULL) FROM `{{analytics}}.orders`
  UNION ALL
  SELECT 'orders', 'tax', COUNTIF(tax_minor IS NULL) FROM `{{analytics}}.orders`
  UNION ALL
  SELECT 'orders', 'discount', COUNTIF(discount_minor IS NULL) FROM `{{analytics}}.orders`
  UNION ALL
  SELECT 'orders', 'fee', COUNTIF(fee_minor IS NULL) FROM `{{analytics}}.orders`
  UNION ALL
  SELECT 'captures', 'authorization', COUNTIF(authorization IS NULL) FROM `{{analytics}}.captures`
  UNION ALL
  -- Pieces that stock_by_sku leaves out: of no SKU, or of more than twelve digits.
  SELECT 'stock_by_sku', 'quantity', COUNTIF(sku IS NULL OR NOT COALESCE(REGEXP_CONTAINS(pieces, r'^-?\d{1,12}$'), FALSE))
  FROM (
    SELECT JSON_VALUE(line, '$.sku') AS sku, JSON_VALUE(line, '$.quantity') AS pieces
    FROM (
      SELECT JSON_QUERY_ARRAY(data, '$.lines') AS lines
      FROM `{{analytics}}.event_log`
      WHERE type IN ('stock.received', 'stock.reserved', 'stock.released', 'stock.committed')
    )
    CROSS JOIN UNNEST(lines) AS line
    UNION ALL
    SELECT JSON_VALUE(data, '$.sku'), JSON_VALUE(data, '$.change') FROM `{{analytics}}.event_log` WHERE type = 'stock.adjusted'
  )
  UNION ALL
  SELECT 'captures', 'amount', COUNTIF(amount IS NULL) FROM `{{analytics}}.captures`
  UNION ALL
  SELECT 'refunds', 'amount', COUNTIF(amount IS NULL) FROM `{{analytics}}.refunds`
  UNION ALL
  SELECT 'cancelled_lines', 'quantity', COUNTIF(quantity IS NULL) FROM `{{analytics}}.cancelled_lines`
  UNION ALL
  SELECT 'cancellations', 'amount', COUNTIF(amount IS NULL AND outcome IN ('cancelled', 'partly-cancelled')) FROM `{{analytics}}.cancellations`
  UNION ALL
  -- revenue_by_day has the day of the order.
  SELECT 'captures', 'order', COUNTIF(placed.order_id IS NULL)
  FROM `{{analytics}}.captures` AS captured
  LEFT JOIN `{{analytics}}.orders` AS placed ON placed.order_id = captured.order_id AND placed.placed_at IS NOT NULL
  UNION ALL
  SELECT 'refunds', 'order', COUNTIF(placed.order_id IS NULL)
  FROM `{{analytics}}.refunds` AS refunded
  LEFT JOIN `{{analytics}}.orders` AS placed ON placed.order_id = refunded.order_id AND placed.placed_at IS NOT NULL
  UNION ALL
  SELECT 'order_lines', 'quantity', COUNTIF(quantity IS NULL) FROM `{{analytics}}.order_lines`
  UNION ALL
  SELECT 'order_lines', 'unit_price', COUNTIF(unit_price IS NULL) FROM `{{analytics}}.order_lines`
)
WHERE left_out > 0
