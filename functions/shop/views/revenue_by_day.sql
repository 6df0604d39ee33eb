-- Completed orders by the day on which they were placed and by currency.
SELECT
  DATE(placed_at) AS day,
  currency,
  COUNT(*) AS orders,
  SUM(CAST(total_minor AS NUMERIC)) AS revenue_minor,
  SUM(total) AS revenue
FROM `{{analytics}}.orders`
WHERE status = 'completed'
GROUP BY day, currency
