-- Completed orders by day and currency.
SELECT day, currency, orders, revenue_minor / 100 AS revenue
FROM analytics.revenue_by_day
ORDER BY day, currency
