-- Each parcel with the times of its steps; its status is the step that goes furthest.
WITH steps AS (
  SELECT
    subject AS order_id,
    field(data, '$.shipmentId') AS shipment_id,
    CASE
      WHEN type = 'shipment.failed' THEN CASE field(data, '$.stage') WHEN 'booking' THEN 'refused' ELSE 'returned' END
      ELSE replace(type, 'shipment.', '')
    END AS step,
    happened,
    data,
    id
  FROM events
  WHERE type IN ('shipment.created', 'shipment.dispatched', 'shipment.delivered', 'shipment.failed')
  UNION ALL
  SELECT subject, field(unnest(coalesce(items(data, '$.cancelledShipments'), ['null'::JSON])), '$'), 'cancelled', happened, NULL, id
  FROM events
  WHERE type = 'shipment.cancel-decided'
)
SELECT
  order_id,
  shipment_id,
  arg_max(step, list_position(['created', 'refused', 'cancelled', 'dispatched', 'returned', 'delivered'], step)) AS status,
  max(field(data, '$.code')) FILTER (step IN ('refused', 'returned')) AS code,
  any_value(field(data, '$.trackingRef')) AS tracking_ref,
  min(happened) FILTER (step = 'created') AS created_at,
  min(happened) FILTER (step = 'dispatched') AS dispatched_at,
  min(happened) FILTER (step = 'delivered') AS delivered_at,
  min(happened) FILTER (step = 'cancelled') AS cancelled_at
FROM steps
GROUP BY order_id, shipment_id, coalesce(shipment_id, id)
