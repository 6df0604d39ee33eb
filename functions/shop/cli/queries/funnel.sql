-- The number of orders that reached each stage.
SELECT stage, orders
FROM analytics.funnel
ORDER BY orders DESC, stage
