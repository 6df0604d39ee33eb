-- The number and the share of the orders placed here that were rejected or expired, and so compensated.
SELECT orders, compensated, rate
FROM analytics.compensation_rate
