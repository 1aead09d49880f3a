-- Near duplicates by language and by similarity to the document kept in their place, in steps of 0.05.
WITH classed AS (
    -- A little is added: the nearest number to 0.7 in 32 bits is below it.
    SELECT language, least(CAST(floor(CAST(similarity AS DOUBLE) * 20 + 1e-5) AS INTEGER), 19) AS step
    FROM ledger
    WHERE disposition = 'duplicate' AND rule = 'near' AND similarity IS NOT NULL
)
SELECT language, round(step / 20, 2) AS at_least, round((step + 1) / 20, 2) AS below, count(*) AS documents
FROM classed
GROUP BY language, step
ORDER BY language, step
