-- What completed orders sold: their pieces without those that were cancelled after others had left, at the prices of the lines.
WITH sold AS (
  SELECT subject AS order_id, field(data, '$.currency') AS currency, unnest(lines(data)) AS line
  FROM events
  WHERE type IN ('order.placed', 'order.imported')
    AND subject IN (SELECT subject FROM events WHERE type IN ('order.completed', 'order.imported'))
),
gone AS (
  SELECT
    order_id,
    field(line, '$.lineId') AS line_id,
    sum(whole(part(line, '$.quantity'), 6)) AS pieces,
    bool_and(whole(part(line, '$.quantity'), 6) IS NOT NULL) AS is_known
  FROM (SELECT subject AS order_id, unnest(items(data, '$.lines')) AS line FROM events WHERE type = 'order.partly-cancelled')
  GROUP BY ALL
),
kept AS (
  SELECT
    field(line, '$.sku') AS sku,
    currency,
    CASE WHEN coalesce(is_known, true) THEN whole(part(line, '$.quantity'), 6) - coalesce(pieces, 0) END AS units,
    whole(part(line, '$.unitMinor'), 10) AS unit
  FROM sold
  LEFT JOIN gone ON gone.order_id = sold.order_id AND gone.line_id = field(sold.line, '$.lineId')
)
SELECT sku, currency, sum(units) AS units, sum(units * unit) AS revenue_minor, major(sum(units * unit), currency) AS revenue
FROM kept
GROUP BY sku, currency
