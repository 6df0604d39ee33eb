-- The number of orders that reached each stage.
SELECT
  type AS stage,
  COUNT(DISTINCT correlation_id) AS orders
FROM `{{analytics}}.event_log`
WHERE type IN ('order.placed', 'stock.reserved', 'payment.authorized', 'order.confirmed', 'shipment.dispatched', 'payment.captured', 'payment.capture-failed', 'refund.issued', 'order.completed', 'order.closed', 'order.rejected', 'order.expired', 'order.cancelled')
GROUP BY type
