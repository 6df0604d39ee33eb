-- The newest twenty orders.
SELECT order_id, status, reason, total_minor / 100 AS total, currency, placed_at
FROM analytics.orders
ORDER BY received_at DESC
LIMIT 20
