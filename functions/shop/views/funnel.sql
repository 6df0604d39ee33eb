-- The number of orders that reached each stage.
SELECT
  type AS stage,
  COUNT(DISTINCT correlation_id) AS orders
FROM `{{analytics}}.event_log`
WHERE type IN ('order.placed', 'order.imported', 'stock.reserved', 'order.payment-needed', 'order.payment-continued', 'payment.authorized', 'order.confirmed', 'shipment.dispatched', 'shipment.delivered', 'payment.captured', 'payment.capture-failed', 'refund.issued', 'order.completed', 'order.closed', 'order.rejected', 'order.expired', 'order.cancelled')
GROUP BY type
