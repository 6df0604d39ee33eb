-- The twenty best-selling SKUs.
SELECT sku, currency, units, revenue
FROM analytics.units_by_sku
ORDER BY units DESC, sku
LIMIT 20
