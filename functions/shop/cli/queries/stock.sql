-- The pieces of each SKU.
SELECT sku, on_hand, available, reserved, sold
FROM analytics.stock_by_sku
ORDER BY sku
