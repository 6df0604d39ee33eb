-- Completed orders by day and currency.
SELECT day, currency, orders, revenue
FROM analytics.revenue_by_day
ORDER BY day, currency
