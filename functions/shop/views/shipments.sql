-- One row per shipment, with its status and the time of each of its steps; an order may have several. One that a cancellation took
-- never leaves.
SELECT
  order_id,
  shipment_id,
  CASE
    WHEN delivered_at IS NOT NULL THEN 'delivered'
    WHEN returned_at IS NOT NULL THEN 'returned'
    WHEN dispatched_at IS NOT NULL THEN 'dispatched'
    WHEN cancelled_at IS NOT NULL THEN 'cancelled'
    WHEN refused_at IS NOT NULL THEN 'refused'
    ELSE 'created'
  END AS status,
  code,
  tracking_ref,
  created_at,
  dispatched_at,
  delivered_at,
  cancelled_at
FROM (
  SELECT
    order_id,
    shipment_id,
    MAX(IF(type = 'shipment.failed', code, NULL)) AS code,
    MAX(tracking_ref) AS tracking_ref,
    MIN(IF(type = 'shipment.created', time, NULL)) AS created_at,
    MIN(IF(type = 'shipment.dispatched', time, NULL)) AS dispatched_at,
    MIN(IF(type = 'shipment.delivered', time, NULL)) AS delivered_at,
    MIN(IF(type = 'shipment.cancel-decided', time, NULL)) AS cancelled_at,
    MAX(IF(type = 'shipment.failed' AND stage = 'booking', time, NULL)) AS refused_at,
    MAX(IF(type = 'shipment.failed' AND stage = 'delivery', time, NULL)) AS returned_at
  FROM (
    SELECT
      subject AS order_id,
      JSON_VALUE(data, '$.shipmentId') AS shipment_id,
      type,
      time,
      JSON_VALUE(data, '$.code') AS code,
      JSON_VALUE(data, '$.stage') AS stage,
      JSON_VALUE(data, '$.trackingRef') AS tracking_ref,
      id
    FROM `{{analytics}}.event_log`
    WHERE type IN ('shipment.created', 'shipment.dispatched', 'shipment.delivered', 'shipment.failed')
    UNION ALL
    SELECT order_id, shipment_id, type, time, CAST(NULL AS STRING), CAST(NULL AS STRING), CAST(NULL AS STRING), id
    FROM (
      SELECT subject AS order_id, type, time, id, COALESCE(JSON_VALUE_ARRAY(data, '$.cancelledShipments'), [CAST(NULL AS STRING)]) AS cancelled
      FROM `{{analytics}}.event_log`
      WHERE type = 'shipment.cancel-decided'
    )
    CROSS JOIN UNNEST(cancelled) AS shipment_id
  )
  -- Events without the id of a shipment are of one each: nothing says that they are of the same.
  GROUP BY order_id, shipment_id, IF(shipment_id IS NULL, id, NULL)
)
