-- How many orders came to each stage.
SELECT stage, orders
FROM analytics.funnel
ORDER BY orders DESC, stage
