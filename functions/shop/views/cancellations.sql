-- One row per order whose cancellation was requested, or refused because it came too late: the first request, and its outcome. A
-- later request that is refused changes neither; one that cancels a further part adds its amount, and is the last decision. A
-- sum beyond INT64 is null.
SELECT
  requests.order_id,
  requests.requested_by,
  requests.reason,
  requests.stage,
  CASE
    WHEN requests.cancelled_at IS NOT NULL THEN 'cancelled'
    WHEN requests.partly_at IS NOT NULL THEN 'partly-cancelled'
    WHEN requests.refused_at IS NOT NULL THEN 'refused'
    ELSE 'pending'
  END AS outcome,
  requests.amount_minor,
  requests.amount_minor * {{minor unit of placed.currency}} AS amount,
  placed.currency,
  requests.requested_at,
  COALESCE(requests.cancelled_at, requests.partly_at, requests.refused_at) AS decided_at
FROM (
  SELECT
    order_id,
    MIN_BY(requested_by, sequence) AS requested_by,
    MIN_BY(reason, IF(type = 'order.cancel-refused', NULL, sequence)) AS reason,
    MIN_BY(stage, IF(type = 'order.cancel-requested', sequence, NULL)) AS stage,
    IF(COUNTIF(amount_minor IS NULL AND type IN ('order.cancelled', 'order.partly-cancelled')) > 0, NULL, SAFE_CAST(SUM(CAST(amount_minor AS NUMERIC)) AS INT64)) AS amount_minor,
    MIN(time) AS requested_at,
    MAX(IF(type = 'order.cancelled', time, NULL)) AS cancelled_at,
    MAX(IF(type = 'order.partly-cancelled', time, NULL)) AS partly_at,
    MAX(IF(type = 'order.cancel-refused', time, NULL)) AS refused_at
  FROM (
    SELECT
      subject AS order_id,
      type,
      sequence,
      time,
      JSON_VALUE(data, '$.by') AS requested_by,
      JSON_VALUE(data, '$.reason') AS reason,
      JSON_VALUE(data, '$.stage') AS stage,
      SAFE_CAST(REGEXP_EXTRACT(JSON_VALUE(data, '$.amountMinor'), r'^\d{1,16}$') AS INT64) AS amount_minor
    FROM `{{analytics}}.event_log`
    WHERE type IN ('order.cancel-requested', 'order.cancelled', 'order.partly-cancelled', 'order.cancel-refused')
  )
  GROUP BY order_id
) AS requests
LEFT JOIN `{{analytics}}.orders` AS placed ON placed.order_id = requests.order_id
