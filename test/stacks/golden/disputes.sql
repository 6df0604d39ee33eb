-- Each dispute: it is open until the bank has decided, and an appeal reverses the decision before it.
SELECT
  subject AS order_id,
  field(data, '$.disputeId') AS dispute_id,
  coalesce(arg_max(field(data, '$.outcome'), sequence) FILTER (type = 'payment.dispute-closed'), 'open') AS status,
  any_value(minor(data, '$.amountMinor')) AS amount_minor,
  major(any_value(minor(data, '$.amountMinor')), any_value(field(data, '$.currency'))) AS amount,
  any_value(field(data, '$.currency')) AS currency,
  any_value(field(data, '$.reason')) AS reason,
  any_value(moment(field(data, '$.evidenceDueBy'))) AS evidence_due_by,
  min(happened) FILTER (type = 'payment.disputed') AS opened_at,
  max(happened) FILTER (type = 'payment.dispute-closed') AS closed_at
FROM events
WHERE type IN ('payment.disputed', 'payment.dispute-closed')
GROUP BY order_id, dispute_id, coalesce(field(data, '$.disputeId'), id)
