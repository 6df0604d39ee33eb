-- The orders placed here of which stock or money was held, and how many of them had to give it back, all of it or a part.
SELECT
  COUNT(*) AS orders,
  COUNTIF(moves.reserved > 0 OR moves.authorized > 0) AS held,
  COUNTIF((moves.reserved > 0 AND moves.released > 0) OR (moves.authorized > 0 AND moves.voided > 0)) AS compensated,
  SAFE_DIVIDE(
    COUNTIF((moves.reserved > 0 AND moves.released > 0) OR (moves.authorized > 0 AND moves.voided > 0)),
    COUNTIF(moves.reserved > 0 OR moves.authorized > 0)
  ) AS rate
FROM `{{analytics}}.orders` AS placed
LEFT JOIN (
  SELECT
    correlation_id AS order_id,
    COUNTIF(type = 'stock.reserved') AS reserved,
    COUNTIF(type = 'stock.released') AS released,
    COUNTIF(type = 'payment.authorized') AS authorized,
    COUNTIF(type IN ('payment.voided', 'payment.reduced')) AS voided
  FROM `{{analytics}}.event_log`
  WHERE type IN ('stock.reserved', 'stock.released', 'payment.authorized', 'payment.voided', 'payment.reduced')
  GROUP BY correlation_id
) AS moves ON moves.order_id = placed.order_id
WHERE NOT placed.imported
