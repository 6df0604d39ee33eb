-- One row per order, with the status that follows from its events.
WITH life AS (
  SELECT
    subject AS order_id,
    MAX(IF(type = 'order.completed', time, NULL)) AS completed_at,
    MAX(IF(type = 'order.closed', time, NULL)) AS closed_at,
    MAX(IF(type = 'order.rejected', time, NULL)) AS rejected_at,
    MAX(IF(type = 'order.expired', time, NULL)) AS expired_at,
    MAX(IF(type = 'order.confirmed', time, NULL)) AS confirmed_at,
    MAX(IF(type IN ('order.rejected', 'order.expired'), JSON_VALUE(data, '$.reason'), NULL)) AS reason
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
    WHEN life.confirmed_at IS NOT NULL AND refused.order_id IS NOT NULL THEN 'payment-failed'
    WHEN life.confirmed_at IS NOT NULL THEN 'confirmed'
    ELSE 'pending'
  END AS status,
  life.reason,
  SAFE_CAST(REGEXP_EXTRACT(JSON_VALUE(placed.data, '$.totalMinor'), r'^\d{1,16}$') AS INT64) AS total_minor,
  SAFE_CAST(REGEXP_EXTRACT(JSON_VALUE(placed.data, '$.totalMinor'), r'^\d{1,16}$') AS INT64) * {{minor unit of JSON_VALUE(placed.data, '$.currency')}} AS total,
  JSON_VALUE(placed.data, '$.currency') AS currency,
  SAFE_CAST(JSON_VALUE(placed.data, '$.placedAt') AS TIMESTAMP) AS placed_at,
  placed.time AS received_at,
  life.confirmed_at,
  COALESCE(life.completed_at, life.closed_at, life.rejected_at, life.expired_at) AS ended_at
FROM `{{analytics}}.event_log` AS placed
JOIN life ON life.order_id = placed.subject
LEFT JOIN refused ON refused.order_id = placed.subject
WHERE placed.type = 'order.placed'
