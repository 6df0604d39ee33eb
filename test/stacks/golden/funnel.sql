-- The number of orders at each stage of an order's life.
SELECT stage, len(list_distinct(list(correlation_id))) AS orders
FROM (
  SELECT unnest([
    'order.placed', 'order.imported', 'stock.reserved', 'order.payment-needed', 'order.payment-continued', 'payment.authorized',
    'order.confirmed', 'shipment.dispatched', 'shipment.delivered', 'payment.captured', 'payment.capture-failed', 'refund.issued',
    'order.completed', 'order.closed', 'order.rejected', 'order.expired', 'order.cancelled'
  ]) AS stage
)
JOIN events ON events.type = stage
GROUP BY stage
