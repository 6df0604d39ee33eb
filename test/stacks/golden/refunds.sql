-- Each refund with its furthest status: failed after issued after pending.
WITH steps AS (
  SELECT subject AS order_id, field(data, '$.refundId') AS refund_id, coalesce(field(data, '$.refundId'), id) AS key, replace(type, 'refund.', '') AS step, happened, data
  FROM events
  WHERE type IN ('refund.pending', 'refund.issued', 'refund.failed')
),
last AS (
  FROM steps
  QUALIFY row_number() OVER (PARTITION BY order_id, key ORDER BY list_position(['failed', 'issued', 'pending'], step)) = 1
)
SELECT
  order_id,
  refund_id,
  last.step AS status,
  minor(last.data, '$.amountMinor') AS amount_minor,
  major(minor(last.data, '$.amountMinor'), field(last.data, '$.currency')) AS amount,
  field(last.data, '$.currency') AS currency,
  field(last.data, '$.reason') AS reason,
  field(last.data, '$.code') AS code,
  (SELECT min(happened) FROM steps WHERE steps.order_id = last.order_id AND steps.key = last.key) AS reported_at,
  (SELECT happened FROM steps WHERE steps.order_id = last.order_id AND steps.key = last.key AND step = 'issued') AS issued_at
FROM last
