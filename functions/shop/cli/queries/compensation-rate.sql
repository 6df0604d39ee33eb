-- The number and the share of orders that were rejected or expired, and so compensated.
SELECT orders, compensated, rate
FROM analytics.compensation_rate
