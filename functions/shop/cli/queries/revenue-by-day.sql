-- The captured money that was neither refunded nor lost in a dispute, by the day on which the orders were placed and by currency.
SELECT day, currency, orders, revenue
FROM analytics.revenue_by_day
ORDER BY day, currency
