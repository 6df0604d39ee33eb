-- The number of cancellations by reason, by where the orders stood, and by outcome.
SELECT reason, stage, outcome, COUNT(*) AS cancellations
FROM analytics.cancellations
GROUP BY reason, stage, outcome
ORDER BY cancellations DESC, reason, stage, outcome
