-- One row per order, with the status that follows from its events. The total is `net` (the goods without their discount), `tax`
-- and `fee`; `cancelled`: of the lines that were cancelled while others had left.
WITH life AS (
  SELECT
    subject AS order_id,
    MAX(IF(type = 'order.completed', time, NULL)) AS completed_at,
    MAX(IF(type = 'order.imported', time, NULL)) AS imported_at,
    MAX(IF(type = 'order.closed', time, NULL)) AS closed_at,
    MAX(IF(type = 'order.rejected', time, NULL)) AS rejected_at,
    MAX(IF(type = 'order.expired', time, NULL)) AS expired_at,
    MAX(IF(type = 'order.cancelled', time, NULL)) AS cancelled_at,
    -- Null if one of the amounts can not be read, or their sum is beyond INT64.
    IF(
      COUNTIF(type = 'order.partly-cancelled' AND REGEXP_EXTRACT(JSON_VALUE(data, '$.amountMinor'), r'^\d{1,16}$') IS NULL) > 0,
      NULL,
      SAFE_CAST(SUM(IF(type = 'order.partly-cancelled', SAFE_CAST(REGEXP_EXTRACT(JSON_VALUE(data, '$.amountMinor'), r'^\d{1,16}$') AS NUMERIC), 0)) AS INT64)
    ) AS cancelled_minor,
    MAX(IF(type = 'order.confirmed', time, NULL)) AS confirmed_at,
    -- Where an open order entered a status last, in its stream. Before there was order.status-changed, the events of each step said it.
    COALESCE(MAX(IF(type = 'order.payment-needed' OR (type = 'order.status-changed' AND JSON_VALUE(data, '$.status') = 'payment-needed'), sequence, NULL)), 0) AS needed,
    COALESCE(MAX(IF(type = 'order.status-changed' AND JSON_VALUE(data, '$.status') = 'payment-failed', sequence, NULL)), 0) AS failed,
    COALESCE(MAX(IF(type IN ('order.confirmed', 'order.payment-continued', 'order.payment-renewed') OR (type = 'order.status-changed' AND JSON_VALUE(data, '$.status') IN ('pending', 'confirmed')), sequence, NULL)), 0) AS paying,
    COUNTIF(type = 'order.status-changed') AS changes,
    MAX(IF(type IN ('order.rejected', 'order.expired', 'order.cancelled'), JSON_VALUE(data, '$.reason'), NULL)) AS reason
  FROM `{{analytics}}.event_log`
  WHERE source = 'orders'
  GROUP BY subject
),
-- Orders with a shipment whose capture was refused and that was not paid since: for those before there was order.status-changed.
refused AS (
  SELECT order_id
  FROM (
    SELECT
      subject AS order_id,
      COUNTIF(type = 'payment.captured') AS captures
    FROM `{{analytics}}.event_log`
    WHERE type IN ('payment.captured', 'payment.capture-failed')
    GROUP BY subject, JSON_VALUE(data, '$.shipmentId')
  )
  WHERE captures = 0
  GROUP BY order_id
),
placed AS (
  SELECT *, {{minor unit of currency}} AS minor_unit
  FROM (
    SELECT
      subject AS order_id,
      JSON_VALUE(data, '$.customerRef') AS customer_ref,
      SAFE_CAST(REGEXP_EXTRACT(JSON_VALUE(data, '$.totalMinor'), r'^\d{1,16}$') AS INT64) AS total_minor,
      IF(JSON_QUERY(data, '$.taxMinor') IS NULL, 0, SAFE_CAST(REGEXP_EXTRACT(JSON_VALUE(data, '$.taxMinor'), r'^\d{1,16}$') AS INT64)) AS tax_minor,
      IF(JSON_QUERY(data, '$.discountMinor') IS NULL, 0, SAFE_CAST(REGEXP_EXTRACT(JSON_VALUE(data, '$.discountMinor'), r'^\d{1,16}$') AS INT64)) AS discount_minor,
      IF(JSON_QUERY(data, '$.shippingMinor') IS NULL, 0, SAFE_CAST(REGEXP_EXTRACT(JSON_VALUE(data, '$.shippingMinor'), r'^\d{1,16}$') AS INT64)) AS fee_minor,
      JSON_VALUE(data, '$.currency') AS currency,
      SAFE_CAST(JSON_VALUE(data, '$.placedAt') AS TIMESTAMP) AS placed_at,
      time AS received_at
    FROM `{{analytics}}.event_log`
    WHERE type IN ('order.placed', 'order.imported')
  )
)
SELECT
  placed.order_id,
  placed.customer_ref,
  CASE
    WHEN life.completed_at IS NOT NULL OR life.imported_at IS NOT NULL THEN 'completed'
    WHEN life.closed_at IS NOT NULL THEN 'closed'
    WHEN life.rejected_at IS NOT NULL THEN 'rejected'
    WHEN life.expired_at IS NOT NULL THEN 'expired'
    WHEN life.cancelled_at IS NOT NULL THEN 'cancelled'
    WHEN life.confirmed_at IS NOT NULL AND life.changes = 0 AND refused.order_id IS NOT NULL THEN 'payment-failed'
    WHEN life.failed > life.needed AND life.failed > life.paying THEN 'payment-failed'
    WHEN life.needed > life.paying THEN 'payment-needed'
    WHEN life.confirmed_at IS NOT NULL THEN 'confirmed'
    ELSE 'pending'
  END AS status,
  life.imported_at IS NOT NULL AS imported,
  life.reason,
  placed.total_minor,
  placed.total_minor * placed.minor_unit AS total,
  placed.total_minor - placed.tax_minor - placed.fee_minor AS net_minor,
  (placed.total_minor - placed.tax_minor - placed.fee_minor) * placed.minor_unit AS net,
  placed.tax_minor,
  placed.tax_minor * placed.minor_unit AS tax,
  placed.discount_minor,
  placed.discount_minor * placed.minor_unit AS discount,
  placed.fee_minor,
  placed.fee_minor * placed.minor_unit AS fee,
  life.cancelled_minor,
  life.cancelled_minor * placed.minor_unit AS cancelled,
  placed.currency,
  placed.placed_at,
  placed.received_at,
  life.confirmed_at,
  COALESCE(life.completed_at, life.imported_at, life.closed_at, life.rejected_at, life.expired_at, life.cancelled_at) AS ended_at
FROM placed
JOIN life ON life.order_id = placed.order_id
LEFT JOIN refused ON refused.order_id = placed.order_id
