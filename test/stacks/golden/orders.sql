-- Each placed or imported order with its amounts; its status is its end, or what the last event of its stream that changes the
-- status says.
WITH steps AS (
  SELECT subject AS order_id, replace(type, 'order.', '') AS step, sequence, happened, data FROM events WHERE source = 'orders' AND subject IS NOT NULL
),
ends AS (
  SELECT order_id, arg_min({'step': step, 'happened': happened, 'reason': field(data, '$.reason')}, place) AS last
  FROM steps, LATERAL (SELECT list_position(['completed', 'imported', 'closed', 'rejected', 'expired', 'cancelled'], step) AS place)
  WHERE place > 0
  GROUP BY order_id
),
entered AS (
  SELECT order_id, arg_max(coalesce(field(data, '$.status'), step), sequence) AS standing
  FROM steps
  WHERE step IN ('payment-needed', 'confirmed', 'payment-continued', 'payment-renewed', 'status-changed')
  GROUP BY order_id
),
confirmed AS (SELECT order_id, max(happened) AS happened FROM steps WHERE step = 'confirmed' GROUP BY order_id),
-- Before orders published order.status-changed: a parcel whose capture was refused, and that is not paid.
unpaid AS (
  SELECT DISTINCT failed.subject AS order_id
  FROM events AS failed
  ANTI JOIN events AS captured
    ON captured.type = 'payment.captured' AND captured.subject = failed.subject
      AND field(captured.data, '$.shipmentId') = field(failed.data, '$.shipmentId')
  WHERE failed.type = 'payment.capture-failed'
    AND failed.subject NOT IN (SELECT order_id FROM steps WHERE step = 'status-changed')
),
gone AS (
  SELECT order_id, CASE WHEN bool_and(minor(data, '$.amountMinor') IS NOT NULL) THEN sum(minor(data, '$.amountMinor')) END AS amount
  FROM steps
  WHERE step = 'partly-cancelled'
  GROUP BY order_id
),
placed AS (
  SELECT
    order_id,
    step = 'imported' AS imported,
    happened,
    data,
    field(data, '$.currency') AS currency,
    minor(data, '$.totalMinor') AS total,
    optional_minor(data, '$.taxMinor', 0) AS tax,
    optional_minor(data, '$.discountMinor', 0) AS discount,
    optional_minor(data, '$.shippingMinor', 0) AS fee
  FROM steps
  WHERE step IN ('placed', 'imported')
)
SELECT
  order_id,
  field(data, '$.customerRef') AS customer_ref,
  CASE
    WHEN last.step = 'imported' THEN 'completed'
    WHEN last.step IS NOT NULL THEN last.step
    WHEN order_id IN (SELECT order_id FROM unpaid) AND confirmed.happened IS NOT NULL THEN 'payment-failed'
    WHEN standing IN ('payment-needed', 'payment-failed') THEN standing
    WHEN confirmed.happened IS NOT NULL THEN 'confirmed'
    ELSE 'pending'
  END AS status,
  imported,
  CASE WHEN last.step IN ('rejected', 'expired', 'cancelled') THEN last.reason END AS reason,
  total AS total_minor,
  major(total, currency) AS total,
  total - tax - fee AS net_minor,
  major(total - tax - fee, currency) AS net,
  tax AS tax_minor,
  major(tax, currency) AS tax,
  discount AS discount_minor,
  major(discount, currency) AS discount,
  fee AS fee_minor,
  major(fee, currency) AS fee,
  CASE WHEN gone.order_id IS NULL THEN 0 ELSE gone.amount END AS cancelled_minor,
  major(CASE WHEN gone.order_id IS NULL THEN 0 ELSE gone.amount END, currency) AS cancelled,
  currency,
  moment(field(data, '$.placedAt')) AS placed_at,
  placed.happened AS received_at,
  confirmed.happened AS confirmed_at,
  last.happened AS ended_at
FROM placed
LEFT JOIN ends USING (order_id)
LEFT JOIN entered USING (order_id)
LEFT JOIN confirmed USING (order_id)
LEFT JOIN gone USING (order_id)
