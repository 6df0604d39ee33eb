-- From receiving an order to its end, in milliseconds.
SELECT
  order_id,
  status,
  TIMESTAMP_DIFF(ended_at, received_at, MILLISECOND) AS duration_ms
FROM `{{analytics}}.orders`
WHERE ended_at IS NOT NULL
