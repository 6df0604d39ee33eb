-- The newest twenty refunds.
SELECT order_id, refund_id, status, amount, currency, reason, code, reported_at
FROM analytics.refunds
ORDER BY reported_at DESC
LIMIT 20
