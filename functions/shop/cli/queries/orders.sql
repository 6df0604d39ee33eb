-- The newest twenty orders.
SELECT order_id, status, reason, total, currency, placed_at
FROM analytics.orders
ORDER BY received_at DESC
LIMIT 20
