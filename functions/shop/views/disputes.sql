-- One row per dispute, with its last status: a customer had the bank take captured money back.
SELECT
  order_id,
  dispute_id,
  CASE
    WHEN lost > COALESCE(won, 0) THEN 'lost'
    WHEN won IS NOT NULL THEN 'won'
    ELSE 'open'
  END AS status,
  amount_minor,
  amount_minor * {{minor unit of currency}} AS amount,
  currency,
  reason,
  evidence_due_by,
  opened_at,
  closed_at
FROM (
  SELECT
    subject AS order_id,
    JSON_VALUE(data, '$.disputeId') AS dispute_id,
    MAX(IF(JSON_VALUE(data, '$.outcome') = 'lost', sequence, NULL)) AS lost,
    MAX(IF(JSON_VALUE(data, '$.outcome') = 'won', sequence, NULL)) AS won,
    MAX(SAFE_CAST(REGEXP_EXTRACT(JSON_VALUE(data, '$.amountMinor'), r'^\d{1,16}$') AS INT64)) AS amount_minor,
    MAX(JSON_VALUE(data, '$.currency')) AS currency,
    MAX(JSON_VALUE(data, '$.reason')) AS reason,
    MAX(SAFE_CAST(JSON_VALUE(data, '$.evidenceDueBy') AS TIMESTAMP)) AS evidence_due_by,
    MIN(IF(type = 'payment.disputed', time, NULL)) AS opened_at,
    MAX(IF(type = 'payment.dispute-closed', time, NULL)) AS closed_at
  FROM `{{analytics}}.event_log`
  WHERE type IN ('payment.disputed', 'payment.dispute-closed')
  -- Events without the id of a dispute are of one each: nothing says that they are of the same.
  GROUP BY subject, JSON_VALUE(data, '$.disputeId'), IF(JSON_VALUE(data, '$.disputeId') IS NULL, id, NULL)
)
