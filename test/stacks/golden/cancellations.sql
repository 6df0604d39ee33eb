-- Each order of which a cancellation was requested: who requested it first, why and where the order stood, and what became of it.
WITH acts AS (
  SELECT subject AS order_id, type, sequence, happened, data
  FROM events
  WHERE type IN ('order.cancel-requested', 'order.cancelled', 'order.partly-cancelled', 'order.cancel-refused')
),
first AS (FROM acts QUALIFY row_number() OVER (PARTITION BY order_id ORDER BY sequence) = 1),
decisions AS (
  SELECT order_id, replace(type, 'order.', '') AS outcome, max(happened) AS happened,
    CASE WHEN bool_and(minor(data, '$.amountMinor') IS NOT NULL) THEN sum(minor(data, '$.amountMinor')) END AS amount
  FROM acts
  WHERE type <> 'order.cancel-requested'
  GROUP BY ALL
),
decided AS (
  FROM decisions
  QUALIFY row_number() OVER (PARTITION BY order_id ORDER BY list_position(['cancelled', 'partly-cancelled', 'cancel-refused'], outcome)) = 1
),
currencies_of AS (SELECT subject AS order_id, field(data, '$.currency') AS currency FROM events WHERE type = 'order.placed')
SELECT
  order_id,
  field(first.data, '$.by') AS requested_by,
  CASE WHEN first.type <> 'order.cancel-refused' THEN field(first.data, '$.reason') END AS reason,
  field(first.data, '$.stage') AS stage,
  coalesce(replace(outcome, 'cancel-refused', 'refused'), 'pending') AS outcome,
  amount AS amount_minor,
  major(amount, currency) AS amount,
  currency,
  first.happened AS requested_at,
  decided.happened AS decided_at
FROM first
LEFT JOIN decided USING (order_id)
LEFT JOIN currencies_of USING (order_id)
