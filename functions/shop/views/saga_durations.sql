-- From receiving an order to its end, in milliseconds. An imported order has no saga.
SELECT
  order_id,
  status,
  TIMESTAMP_DIFF(ended_at, received_at, MILLISECOND) AS duration_ms
FROM `{{analytics}}.orders`
WHERE ended_at IS NOT NULL AND NOT imported
