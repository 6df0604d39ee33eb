-- The orders placed here of which stock or money was held, and the share that gave it back, all of it or a part.
SELECT orders, held, compensated, rate
FROM analytics.compensation_rate
