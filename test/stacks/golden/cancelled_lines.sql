-- The pieces of each line that never leave, while others of their order have left.
SELECT
  subject AS order_id,
  field(line, '$.lineId') AS line_id,
  field(line, '$.sku') AS sku,
  CASE WHEN bool_and(whole(part(line, '$.quantity'), 6) IS NOT NULL) THEN sum(whole(part(line, '$.quantity'), 6)) END AS quantity
FROM (SELECT subject, unnest(lines(data)) AS line FROM events WHERE type = 'order.partly-cancelled')
GROUP BY ALL
