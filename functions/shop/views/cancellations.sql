-- One row per order whose cancellation was requested, or refused because it came too late.
SELECT
  asked.order_id,
  asked.requested_by,
  asked.reason,
  asked.stage,
  CASE
    WHEN asked.cancelled > 0 THEN 'cancelled'
    WHEN asked.partly > 0 THEN 'partly-cancelled'
    WHEN asked.refused > 0 THEN 'refused'
    ELSE 'pending'
  END AS outcome,
  asked.amount_minor,
  asked.amount_minor * {{minor unit of placed.currency}} AS amount,
  placed.currency,
  asked.requested_at,
  asked.decided_at
FROM (
  SELECT
    subject AS order_id,
    MIN(JSON_VALUE(data, '$.by')) AS requested_by,
    MIN(IF(type = 'order.cancel-refused', NULL, JSON_VALUE(data, '$.reason'))) AS reason,
    MIN(IF(type = 'order.cancel-requested', JSON_VALUE(data, '$.stage'), NULL)) AS stage,
    COUNTIF(type = 'order.cancelled') AS cancelled,
    COUNTIF(type = 'order.partly-cancelled') AS partly,
    COUNTIF(type = 'order.cancel-refused') AS refused,
    MAX(SAFE_CAST(REGEXP_EXTRACT(JSON_VALUE(data, '$.amountMinor'), r'^\d{1,16}$') AS INT64)) AS amount_minor,
    MIN(time) AS requested_at,
    MAX(IF(type = 'order.cancel-requested', NULL, time)) AS decided_at
  FROM `{{analytics}}.event_log`
  WHERE type IN ('order.cancel-requested', 'order.cancelled', 'order.partly-cancelled', 'order.cancel-refused')
  GROUP BY subject
) AS asked
LEFT JOIN `{{analytics}}.orders` AS placed ON placed.order_id = asked.order_id
