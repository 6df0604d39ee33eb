-- The number of rows that a view leaves out, or whose value it has as null because the event's value can not be read. There are
-- normally no rows. Each view is read once: its row has all its values with their faults.
SELECT source, fault.value AS value, COUNT(*) AS left_out
FROM (
  SELECT
    source,
    -- revenue_by_day has the day of the order.
    ARRAY_CONCAT(faults, [STRUCT('order' AS value, source IN ('captures', 'refunds', 'disputes') AND (order_id IS NULL OR NOT LOGICAL_OR(is_placed) OVER (PARTITION BY order_id)) AS is_left_out)]) AS faults
  FROM (
    SELECT
      'orders' AS source,
      order_id,
      placed_at IS NOT NULL AS is_placed,
      [
        STRUCT('total' AS value, total IS NULL AS is_left_out),
        STRUCT('placed_at' AS value, placed_at IS NULL AS is_left_out),
        STRUCT('tax' AS value, tax_minor IS NULL AS is_left_out),
        STRUCT('discount' AS value, discount_minor IS NULL AS is_left_out),
        STRUCT('fee' AS value, fee_minor IS NULL AS is_left_out)
      ] AS faults
    FROM `{{analytics}}.orders`
    UNION ALL
    SELECT
      'captures',
      order_id,
      FALSE,
      [
        STRUCT('authorization' AS value, authorization IS NULL AS is_left_out),
        STRUCT('amount' AS value, amount IS NULL AS is_left_out)
      ]
    FROM `{{analytics}}.captures`
    UNION ALL
    SELECT
      'refunds',
      order_id,
      FALSE,
      [
        STRUCT('id' AS value, refund_id IS NULL AS is_left_out),
        STRUCT('amount' AS value, amount IS NULL AS is_left_out)
      ]
    FROM `{{analytics}}.refunds`
    UNION ALL
    SELECT
      'disputes',
      order_id,
      FALSE,
      [
        STRUCT('id' AS value, dispute_id IS NULL AS is_left_out),
        STRUCT('amount' AS value, amount IS NULL AS is_left_out)
      ]
    FROM `{{analytics}}.disputes`
    UNION ALL
    SELECT 'shipments', order_id, FALSE, [STRUCT('id' AS value, shipment_id IS NULL AS is_left_out)]
    FROM `{{analytics}}.shipments`
    UNION ALL
    SELECT 'event_log', CAST(NULL AS STRING), FALSE, [STRUCT('event' AS value, TRUE AS is_left_out)]
    FROM `{{analytics}}.unreadable_events`
    UNION ALL
    -- Pieces that stock_by_sku leaves out: of no SKU, of more than twelve digits, or in lines that are no list.
    SELECT
      'stock_by_sku',
      CAST(NULL AS STRING),
      FALSE,
      [STRUCT('quantity' AS value, sku IS NULL OR NOT COALESCE(REGEXP_CONTAINS(pieces, r'^-?\d{1,12}$'), FALSE) AS is_left_out)]
    FROM (
      SELECT JSON_VALUE(line, '$.sku') AS sku, IF(type = 'stock.adjusted', JSON_VALUE(line, '$.change'), JSON_VALUE(line, '$.quantity')) AS pieces
      FROM (
        SELECT type, IF(type = 'stock.adjusted', [data], COALESCE(JSON_QUERY_ARRAY(data, '$.lines'), [JSON 'null'])) AS lines
        FROM `{{analytics}}.event_log`
        WHERE type IN ('stock.received', 'stock.reserved', 'stock.released', 'stock.committed', 'stock.adjusted')
      )
      CROSS JOIN UNNEST(lines) AS line
    )
    UNION ALL
    SELECT 'cancelled_lines', order_id, FALSE, [STRUCT('quantity' AS value, quantity IS NULL AS is_left_out)]
    FROM `{{analytics}}.cancelled_lines`
    UNION ALL
    SELECT
      'cancellations',
      order_id,
      FALSE,
      [STRUCT('amount' AS value, amount IS NULL AND outcome IN ('cancelled', 'partly-cancelled') AS is_left_out)]
    FROM `{{analytics}}.cancellations`
    UNION ALL
    SELECT
      'order_lines',
      order_id,
      FALSE,
      [
        STRUCT('quantity' AS value, quantity IS NULL AS is_left_out),
        STRUCT('unit_price' AS value, unit_price IS NULL AS is_left_out)
      ]
    FROM `{{analytics}}.order_lines`
    UNION ALL
    SELECT
      'reconciliations',
      CAST(NULL AS STRING),
      FALSE,
      [
        STRUCT('started_at' AS value, started_at IS NULL AS is_left_out),
        STRUCT('orders' AS value, orders IS NULL AS is_left_out),
        STRUCT('in_flight' AS value, in_flight IS NULL AS is_left_out),
        STRUCT('differences' AS value, differences IS NULL AS is_left_out)
      ]
    FROM `{{analytics}}.reconciliations`
  )
)
CROSS JOIN UNNEST(faults) AS fault
WHERE fault.is_left_out
GROUP BY source, fault.value
