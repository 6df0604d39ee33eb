-- The values that can not be read, from the events that have them, and the messages that are no event.
WITH faults AS (
  SELECT 'event_log' AS source, 'event' AS value
  FROM raw
  WHERE json_type(envelope, '$.id') IS DISTINCT FROM 'VARCHAR' OR json_type(envelope, '$.type') IS DISTINCT FROM 'VARCHAR'
    OR TRY_CAST(field(envelope, '$.time') AS TIMESTAMPTZ) IS NULL
    OR TRY_CAST(field(envelope, '$.sequence') AS BIGINT) IS NULL
    OR TRY_CAST(field(envelope, '$.version') AS BIGINT) IS NULL
    OR field(envelope, '$.source') IS NULL OR field(envelope, '$.subject') IS NULL OR field(envelope, '$.correlationId') IS NULL
  UNION ALL
  SELECT 'orders', unnest([
    CASE WHEN minor(data, '$.totalMinor') IS NULL THEN 'total' END,
    CASE WHEN moment(field(data, '$.placedAt')) IS NULL THEN 'placed_at' END,
    CASE WHEN optional_minor(data, '$.taxMinor', 0) IS NULL THEN 'tax' END,
    CASE WHEN optional_minor(data, '$.discountMinor', 0) IS NULL THEN 'discount' END,
    CASE WHEN optional_minor(data, '$.shippingMinor', 0) IS NULL THEN 'fee' END
  ])
  FROM events
  WHERE type IN ('order.placed', 'order.imported')
  UNION ALL
  SELECT 'order_lines', unnest([
    CASE WHEN whole(part(line, '$.quantity'), 6) IS NULL THEN 'quantity' END,
    CASE WHEN whole(part(line, '$.unitMinor'), 10) IS NULL THEN 'unit_price' END
  ])
  FROM (
    SELECT unnest(lines(data)) AS line
    FROM events
    WHERE type IN ('order.placed', 'order.imported')
  )
  UNION ALL
  SELECT 'captures', unnest([
    CASE WHEN optional_minor(data, '$.authorization', 1) IS NULL THEN 'authorization' END,
    CASE WHEN minor(data, '$.amountMinor') IS NULL THEN 'amount' END
  ])
  FROM events
  WHERE type = 'payment.captured'
  UNION ALL
  SELECT DISTINCT ON (subject, coalesce(field(data, '$.refundId'), id)) 'refunds', 'amount'
  FROM events
  WHERE type IN ('refund.pending', 'refund.issued', 'refund.failed') AND minor(data, '$.amountMinor') IS NULL
  UNION ALL
  SELECT 'disputes', 'amount'
  FROM events
  WHERE type IN ('payment.disputed', 'payment.dispute-closed')
  GROUP BY subject, coalesce(field(data, '$.disputeId'), id)
  HAVING count(minor(data, '$.amountMinor')) = 0
  UNION ALL
  SELECT CASE WHEN type LIKE 'refund.%' THEN 'refunds' ELSE 'disputes' END, 'id'
  FROM events
  WHERE (type IN ('refund.pending', 'refund.issued', 'refund.failed') AND field(data, '$.refundId') IS NULL)
    OR (type IN ('payment.disputed', 'payment.dispute-closed') AND field(data, '$.disputeId') IS NULL)
  UNION ALL
  SELECT 'shipments', 'id'
  FROM events
  WHERE (type IN ('shipment.created', 'shipment.dispatched', 'shipment.delivered', 'shipment.failed') AND field(data, '$.shipmentId') IS NULL)
    OR (type = 'shipment.cancel-decided' AND json_type(data, '$.cancelledShipments') IS DISTINCT FROM 'ARRAY')
  UNION ALL
  -- Money that no day of an order has.
  SELECT source, 'order'
  FROM (
    SELECT 'captures' AS source, subject, random() AS one FROM events WHERE type = 'payment.captured'
    UNION
    SELECT 'refunds', subject, hash(coalesce(field(data, '$.refundId'), id)) FROM events WHERE type IN ('refund.pending', 'refund.issued', 'refund.failed')
    UNION
    SELECT 'disputes', subject, hash(coalesce(field(data, '$.disputeId'), id)) FROM events WHERE type IN ('payment.disputed', 'payment.dispute-closed')
  )
  WHERE subject NOT IN (
    SELECT subject FROM events WHERE type IN ('order.placed', 'order.imported') AND subject IS NOT NULL AND moment(field(data, '$.placedAt')) IS NOT NULL
  )
  UNION ALL
  SELECT DISTINCT ON (subject, field(line, '$.lineId'), field(line, '$.sku')) 'cancelled_lines', 'quantity'
  FROM (SELECT subject, unnest(lines(data)) AS line FROM events WHERE type = 'order.partly-cancelled')
  WHERE whole(part(line, '$.quantity'), 6) IS NULL
  UNION ALL
  SELECT DISTINCT ON (subject) 'cancellations', 'amount'
  FROM events
  WHERE type IN ('order.cancelled', 'order.partly-cancelled') AND minor(data, '$.amountMinor') IS NULL
  UNION ALL
  SELECT 'reconciliations', unnest([
    CASE WHEN moment(field(data, '$.startedAt')) IS NULL THEN 'started_at' END,
    CASE WHEN whole(part(data, '$.compared.orders'), 16) IS NULL THEN 'orders' END,
    CASE WHEN whole(part(data, '$.inFlight'), 16) IS NULL THEN 'in_flight' END,
    CASE WHEN whole(part(data, '$.differences'), 16) IS NULL THEN 'differences' END
  ])
  FROM events
  WHERE type = 'reconciliation.ended'
  UNION ALL
  SELECT 'stock_by_sku', 'quantity'
  FROM (
    SELECT unnest(lines(data)) AS line
    FROM events
    WHERE type IN ('stock.received', 'stock.reserved', 'stock.released', 'stock.committed')
  )
  WHERE field(line, '$.sku') IS NULL OR whole(part(line, '$.quantity'), 12) IS NULL
  UNION ALL
  SELECT 'stock_by_sku', 'quantity'
  FROM events
  WHERE type = 'stock.adjusted' AND coalesce(abs(TRY_CAST(field(data, '$.change') AS BIGINT)) >= 1e12, true)
)
SELECT source, value, count(*) AS left_out FROM faults WHERE value IS NOT NULL GROUP BY source, value
