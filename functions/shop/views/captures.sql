-- One row per capture: the money that was taken for one shipment, and the authorization under which it was.
SELECT
  order_id,
  shipment_id,
  authorization,
  amount_minor,
  amount_minor * {{minor unit of currency}} AS amount,
  currency,
  captured_at
FROM (
  SELECT
    subject AS order_id,
    JSON_VALUE(data, '$.shipmentId') AS shipment_id,
    IF(JSON_QUERY(data, '$.authorization') IS NULL, 1, SAFE_CAST(REGEXP_EXTRACT(JSON_VALUE(data, '$.authorization'), r'^\d{1,16}$') AS INT64)) AS authorization,
    SAFE_CAST(REGEXP_EXTRACT(JSON_VALUE(data, '$.amountMinor'), r'^\d{1,16}$') AS INT64) AS amount_minor,
    JSON_VALUE(data, '$.currency') AS currency,
    time AS captured_at
  FROM `{{analytics}}.event_log`
  WHERE type = 'payment.captured'
)
