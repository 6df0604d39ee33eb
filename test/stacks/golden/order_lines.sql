-- Each line of each order, as it was placed.
SELECT
  subject AS order_id,
  field(line, '$.lineId') AS line_id,
  field(line, '$.sku') AS sku,
  whole(part(line, '$.quantity'), 6) AS quantity,
  whole(part(line, '$.unitMinor'), 10) AS unit_minor,
  major(whole(part(line, '$.unitMinor'), 10), field(data, '$.currency')) AS unit_price,
  field(data, '$.currency') AS currency
FROM (
  SELECT subject, data, unnest(lines(data)) AS line
  FROM events
  WHERE type IN ('order.placed', 'order.imported')
)
