-- The twenty that sell best.
SELECT sku, currency, units, revenue_minor / 100 AS revenue
FROM analytics.units_by_sku
ORDER BY units DESC, sku
LIMIT 20
