-- What was captured, and neither refunded nor lost in a dispute, by the day on which the orders were placed and by currency. The total of an imported
-- order counts as captured: it was paid elsewhere.
SELECT
  DATE(placed.placed_at) AS day,
  money.currency,
  COUNT(DISTINCT money.order_id) AS orders,
  SUM(money.captured_minor) AS captured_minor,
  SUM(money.refunded_minor) AS refunded_minor,
  SUM(money.disputed_minor) AS disputed_minor,
  SUM(money.captured_minor - money.refunded_minor - money.disputed_minor) AS revenue_minor,
  SUM(money.captured - money.refunded - money.disputed) AS revenue
FROM (
  SELECT
    order_id,
    currency,
    CAST(amount_minor AS NUMERIC) AS captured_minor,
    CAST(0 AS NUMERIC) AS refunded_minor,
    CAST(0 AS NUMERIC) AS disputed_minor,
    CAST(amount AS NUMERIC) AS captured,
    CAST(0 AS NUMERIC) AS refunded,
    CAST(0 AS NUMERIC) AS disputed
  FROM `{{analytics}}.captures`
  UNION ALL
  SELECT
    order_id,
    currency,
    CAST(0 AS NUMERIC),
    CAST(amount_minor AS NUMERIC),
    CAST(0 AS NUMERIC),
    CAST(0 AS NUMERIC),
    CAST(amount AS NUMERIC),
    CAST(0 AS NUMERIC)
  FROM `{{analytics}}.refunds`
  WHERE status = 'issued'
  UNION ALL
  SELECT
    order_id,
    currency,
    CAST(0 AS NUMERIC),
    CAST(0 AS NUMERIC),
    CAST(amount_minor AS NUMERIC),
    CAST(0 AS NUMERIC),
    CAST(0 AS NUMERIC),
    CAST(amount AS NUMERIC)
  FROM `{{analytics}}.disputes`
  WHERE status = 'lost'
  UNION ALL
  SELECT
    order_id,
    currency,
    CAST(total_minor AS NUMERIC),
    CAST(0 AS NUMERIC),
    CAST(0 AS NUMERIC),
    CAST(total AS NUMERIC),
    CAST(0 AS NUMERIC),
    CAST(0 AS NUMERIC)
  FROM `{{analytics}}.orders`
  WHERE imported
) AS money
JOIN `{{analytics}}.orders` AS placed ON placed.order_id = money.order_id
GROUP BY day, money.currency
