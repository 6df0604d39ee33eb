-- Units sold and revenue at the prices of the lines, without taxes, discount and fee, by SKU and currency: the lines of completed
-- orders without the pieces that were cancelled.
SELECT
  sku,
  currency,
  SUM(units) AS units,
  SUM(CAST(units AS NUMERIC) * unit_minor) AS revenue_minor,
  SUM(units * unit_price) AS revenue
FROM (
  SELECT
    line.sku,
    line.currency,
    -- Null if the cancelled pieces can not be read.
    IF(gone.order_id IS NULL, line.quantity, line.quantity - gone.quantity) AS units,
    line.unit_minor,
    line.unit_price
  FROM `{{analytics}}.order_lines` AS line
  JOIN `{{analytics}}.orders` AS placed ON placed.order_id = line.order_id
  LEFT JOIN `{{analytics}}.cancelled_lines` AS gone ON gone.order_id = line.order_id AND gone.line_id = line.line_id
  WHERE placed.status = 'completed'
)
GROUP BY sku, currency
