-- The number of rows that a view leaves out, or whose value it has as null because the event's value can not be read. There are normally no rows.
SELECT source, value, left_out
FROM (
  SELECT 'event_log' AS source, 'event' AS value, COUNT(*) AS left_out FROM `{{analytics}}.unreadable_events`
  UNION ALL
  SELECT 'orders', 'total', COUNTIF(total IS NULL) FROM `{{analytics}}.orders`
  UNION ALL
  SELECT 'orders', 'placed_at', COUNTIF(placed_at IS NULL) FROM `{{analytics}}.orders`
  UNION ALL
  SELECT 'captures', 'amount', COUNTIF(amount IS NULL) FROM `{{analytics}}.captures`
  UNION ALL
  SELECT 'refunds', 'amount', COUNTIF(amount IS NULL) FROM `{{analytics}}.refunds`
  UNION ALL
  SELECT 'order_lines', 'quantity', COUNTIF(quantity IS NULL) FROM `{{analytics}}.order_lines`
  UNION ALL
  SELECT 'order_lines', 'unit_price', COUNTIF(unit_price IS NULL) FROM `{{analytics}}.order_lines`
)
WHERE left_out > 0
