-- One row per shipment, with its status and the time of each of its steps; an order may have several.
SELECT
  order_id,
  shipment_id,
  CASE
    WHEN delivered_at IS NOT NULL THEN 'delivered'
    WHEN returned_at IS NOT NULL THEN 'returned'
    WHEN dispatched_at IS NOT NULL THEN 'dispatched'
    WHEN refused_at IS NOT NULL THEN 'refused'
    ELSE 'created'
  END AS status,
  code,
  tracking_ref,
  created_at,
  dispatched_at,
  delivered_at
FROM (
  SELECT
    subject AS order_id,
    JSON_VALUE(data, '$.shipmentId') AS shipment_id,
    MAX(IF(type = 'shipment.failed', JSON_VALUE(data, '$.code'), NULL)) AS code,
    MAX(JSON_VALUE(data, '$.trackingRef')) AS tracking_ref,
    MIN(IF(type = 'shipment.created', time, NULL)) AS created_at,
    MIN(IF(type = 'shipment.dispatched', time, NULL)) AS dispatched_at,
    MIN(IF(type = 'shipment.delivered', time, NULL)) AS delivered_at,
    MAX(IF(type = 'shipment.failed' AND JSON_VALUE(data, '$.stage') = 'booking', time, NULL)) AS refused_at,
    MAX(IF(type = 'shipment.failed' AND JSON_VALUE(data, '$.stage') = 'delivery', time, NULL)) AS returned_at
  FROM `{{analytics}}.event_log`
  WHERE type IN ('shipment.created', 'shipment.dispatched', 'shipment.delivered', 'shipment.failed')
  GROUP BY subject, JSON_VALUE(data, '$.shipmentId')
)
