/** The types of the events of an order that completes without a refusal, in alphabetical order. */
export const eventsOfCompletedOrder = [
  'order.completed',
  'order.confirmed',
  'order.placed',
  'order.released',
  'payment.authorized',
  'payment.captured',
  'shipment.created',
  'shipment.delivered',
  'shipment.dispatched',
  'stock.committed',
  'stock.reserved',
] as const
