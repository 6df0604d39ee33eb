-- Each capture. One without a number of its authorization is of the time when a payment had one.
SELECT
  subject AS order_id,
  field(data, '$.shipmentId') AS shipment_id,
  optional_minor(data, '$.authorization', 1) AS authorization,
  minor(data, '$.amountMinor') AS amount_minor,
  major(minor(data, '$.amountMinor'), field(data, '$.currency')) AS amount,
  field(data, '$.currency') AS currency,
  happened AS captured_at
FROM events
WHERE type = 'payment.captured'
