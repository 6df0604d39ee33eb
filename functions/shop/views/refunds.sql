-- One row per refund, with its last status: a bank may return what was issued.
SELECT
  order_id,
  refund_id,
  CASE
    WHEN failed > 0 THEN 'failed'
    WHEN issued > 0 THEN 'issued'
    ELSE 'pending'
  END AS status,
  amount_minor,
  amount_minor * {{minor unit of currency}} AS amount,
  currency,
  reason,
  code,
  reported_at,
  issued_at
FROM (
  SELECT
    subject AS order_id,
    JSON_VALUE(data, '$.refundId') AS refund_id,
    COUNTIF(type = 'refund.failed') AS failed,
    COUNTIF(type = 'refund.issued') AS issued,
    MAX(SAFE_CAST(REGEXP_EXTRACT(JSON_VALUE(data, '$.amountMinor'), r'^\d{1,16}$') AS INT64)) AS amount_minor,
    MAX(JSON_VALUE(data, '$.currency')) AS currency,
    MAX(JSON_VALUE(data, '$.reason')) AS reason,
    MAX(JSON_VALUE(data, '$.code')) AS code,
    MIN(time) AS reported_at,
    MAX(IF(type = 'refund.issued', time, NULL)) AS issued_at
  FROM `{{analytics}}.event_log`
  WHERE type IN ('refund.pending', 'refund.issued', 'refund.failed')
  -- Events without the id of a refund are of one each: nothing says that they are of the same.
  GROUP BY subject, JSON_VALUE(data, '$.refundId'), IF(JSON_VALUE(data, '$.refundId') IS NULL, id, NULL)
)
