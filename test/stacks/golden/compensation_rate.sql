-- The orders placed here, those of which stock or money was held, and those of them that gave back what was held.
WITH orders AS (
  SELECT
    bool_or(type = 'stock.reserved') AS reserved,
    bool_or(type = 'payment.authorized') AS authorized,
    bool_or(type = 'stock.released') AS released,
    bool_or(type IN ('payment.voided', 'payment.reduced')) AS voided
  FROM events
  WHERE correlation_id IN (SELECT subject FROM events WHERE type = 'order.placed' AND subject IS NOT NULL)
  GROUP BY correlation_id
),
counts AS (
  SELECT
    (SELECT count(*) FROM events WHERE type = 'order.placed' AND subject IS NOT NULL AND source IS NOT NULL) AS orders,
    count(*) FILTER (reserved OR authorized) AS held,
    count(*) FILTER ((reserved AND released) OR (authorized AND voided)) AS compensated
  FROM orders
)
SELECT orders, held, compensated, compensated / nullif(held, 0) AS rate FROM counts
