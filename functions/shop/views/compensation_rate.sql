-- The number and the share of the orders placed here that were rejected or expired, and so compensated.
SELECT
  COUNT(*) AS orders,
  COUNTIF(status IN ('rejected', 'expired')) AS compensated,
  SAFE_DIVIDE(COUNTIF(status IN ('rejected', 'expired')), COUNT(*)) AS rate
FROM `{{analytics}}.orders`
WHERE NOT imported
