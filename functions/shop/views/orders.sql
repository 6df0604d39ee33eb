-- One row per order, with the status that follows from its events; `cancelled`: of the lines that were cancelled while others had left.
WITH life AS (
  SELECT
    subject AS order_id,
    MAX(IF(type = 'order.completed', time, NULL)) AS completed_at,
    MAX(IF(type = 'order.closed', time, NULL)) AS closed_at,
    MAX(IF(type = 'order.rejected', time, NULL)) AS rejected_at,
    MAX(IF(type = 'order.expired', time, NULL)) AS expired_at,
    MAX(IF(type = 'order.cancelled', time, NULL)) AS cancelled_at,
    SUM(IF(type = 'order.partly-cancelled', SAFE_CAST(REGEXP_EXTRACT(JSON_VALUE(data, '$.amountMinor'), r'^\d{1,16}$') AS INT64), 0)) AS cancelled_minor,
    MAX(IF(type = 'order.confirmed', time, NULL)) AS confirmed_at,
    MAX(IF(type IN ('order.rejected', 'order.expired', 'order.cancelled'), JSON_VALUE(data, '$.reason'), NULL)) AS reason
  FROM `{{analytics}}.event_log`
  WHERE source = 'orders'
  GROUP BY subject
),
-- Orders with a shipment whose capture was refused and that was not paid since.
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
)
SELECT
  placed.subject AS order_id,
  JSON_VALUE(placed.data, '$.customerRef') AS customer_ref,
  CASE
    WHEN life.completed_at IS NOT NULL THEN 'completed'
    WHEN life.closed_at IS NOT NULL THEN 'closed'
    WHEN life.rejected_at IS NOT NULL THEN 'rejected'
    WHEN life.expired_at IS NOT NULL THEN 'expired'
    WHEN life.cancelled_at IS NOT NULL THEN 'cancelled'
    WHEN life.confirmed_at IS NOT NULL AND refused.order_id IS NOT NULL THEN 'payment-failed'
    WHEN life.confirmed_at IS NOT NULL THEN 'confirmed'
    ELSE 'pending'
  END AS status,
  life.reason,
  SAFE_CAST(REGEXP_EXTRACT(JSON_VALUE(placed.data, '$.totalMinor'), r'^\d{1,16}$') AS INT64) AS total_minor,
  SAFE_CAST(REGEXP_EXTRACT(JSON_VALUE(placed.data, '$.totalMinor'), r'^\d{1,16}$') AS INT64) * {{minor unit of JSON_VALUE(placed.data, '$.currency')}} AS total,
  life.cancelled_minor,
  life.cancelled_minor * {{minor unit of JSON_VALUE(placed.data, '$.currency')}} AS cancelled,
  JSON_VALUE(placed.data, '$.currency') AS currency,
  SAFE_CAST(JSON_VALUE(placed.data, '$.placedAt') AS TIMESTAMP) AS placed_at,
  placed.time AS received_at,
  life.confirmed_at,
  COALESCE(life.completed_at, life.closed_at, life.rejected_at, life.expired_at, life.cancelled_at) AS ended_at
FROM `{{analytics}}.event_log` AS placed
JOIN life ON life.order_id = placed.subject
LEFT JOIN refused ON refused.order_id = placed.subject
WHERE placed.type = 'order.placed'
