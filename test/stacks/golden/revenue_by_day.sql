-- The money of each day on which orders were placed: captures and the totals of imported orders, less refunds that were not
-- returned, less disputes whose last decision is lost.
WITH placed AS (
  SELECT subject AS order_id, type, data, moment(field(data, '$.placedAt'))::DATE AS day
  FROM events
  WHERE type IN ('order.placed', 'order.imported')
),
moves AS (
  SELECT subject AS order_id, 'captured' AS kind, field(data, '$.currency') AS currency, minor(data, '$.amountMinor') AS amount
  FROM events
  WHERE type = 'payment.captured'
  UNION ALL
  SELECT order_id, 'captured', field(data, '$.currency'), minor(data, '$.totalMinor') FROM placed WHERE type = 'order.imported'
  UNION ALL
  SELECT issued.subject, 'refunded', field(issued.data, '$.currency'), minor(issued.data, '$.amountMinor')
  FROM events AS issued
  ANTI JOIN events AS failed
    ON failed.type = 'refund.failed' AND failed.subject = issued.subject
      AND field(failed.data, '$.refundId') = field(issued.data, '$.refundId')
  WHERE issued.type = 'refund.issued'
  UNION ALL
  SELECT order_id, 'disputed', field(data, '$.currency'), minor(data, '$.amountMinor')
  FROM (
    SELECT subject AS order_id, arg_max(data, sequence) AS data
    FROM events
    WHERE type = 'payment.dispute-closed'
    GROUP BY subject, coalesce(field(data, '$.disputeId'), id)
  )
  WHERE field(data, '$.outcome') = 'lost'
)
SELECT
  day,
  currency,
  count(DISTINCT order_id) AS orders,
  sum(CASE kind WHEN 'captured' THEN amount ELSE 0 END) AS captured_minor,
  sum(CASE kind WHEN 'refunded' THEN amount ELSE 0 END) AS refunded_minor,
  sum(CASE kind WHEN 'disputed' THEN amount ELSE 0 END) AS disputed_minor,
  sum(CASE kind WHEN 'captured' THEN amount ELSE -amount END) AS revenue_minor,
  major(sum(CASE kind WHEN 'captured' THEN amount ELSE -amount END), currency) AS revenue
FROM moves
JOIN placed USING (order_id)
GROUP BY day, currency
