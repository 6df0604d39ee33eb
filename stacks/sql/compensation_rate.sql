-- How many orders were undone, and how often what was held had to be given back.
SELECT
  COUNT(*) AS orders,
  COUNTIF(status IN ('rejected', 'expired')) AS undone,
  SAFE_DIVIDE(COUNTIF(status IN ('rejected', 'expired')), COUNT(*)) AS rate
FROM `{{analytics}}.orders`
