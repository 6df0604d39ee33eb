-- Units sold and revenue, by SKU and currency.
SELECT
  line.sku,
  line.currency,
  SUM(line.quantity) AS units,
  SUM(CAST(line.quantity AS NUMERIC) * line.unit_minor) AS revenue_minor,
  SUM(line.quantity * line.unit_price) AS revenue
FROM `{{analytics}}.order_lines` AS line
JOIN `{{analytics}}.orders` AS placed ON placed.order_id = line.order_id
WHERE placed.status = 'completed'
GROUP BY line.sku, line.currency
