-- The pieces of each line that never leave, while others of their order have left.
SELECT
  subject AS order_id,
  field(line, '$.lineId') AS line_id,
  field(line, '$.sku') AS sku,
  sum(whole(part(line, '$.quantity'), 6)) AS quantity
FROM (SELECT subject, unnest(items(data, '$.lines')) AS line FROM events WHERE type = 'order.partly-cancelled')
GROUP BY ALL
