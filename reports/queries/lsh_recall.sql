-- Estimated recall of the LSH setting, by language: near duplicates found, pairs there would be, and chances at 0.7 to 0.9.
-- A pair of similarity s shares one of b bands of r values with probability P(s) = 1 - (1 - s^r)^b. So each pair found
-- stands for 1 / P(s) pairs (Horvitz and Thompson, 1952), of a document and the one kept in its place. This is the recall
-- of single pairs: clusters find more, as a document is missed only if it shares no band with any of the others. Of pairs
-- below min_similarity nothing is known; what is less alike than that came in through others, and is not counted. The
-- estimate is rather too low, by up to 0.03: similarities were measured with the values that the bands are made of.
WITH setting AS (
    SELECT
        max(CAST(settings ->> 'bands' AS DOUBLE)) FILTER (phase = 'dedup_keys') AS bands,
        max(CAST(settings ->> 'rows' AS DOUBLE)) FILTER (phase = 'dedup_keys') AS rows,
        max(CAST(settings ->> 'min_similarity' AS FLOAT)) FILTER (phase = 'dedup_verify') AS min_similarity
    FROM stages
),
pairs AS (
    SELECT language, 1 - pow(1 - pow(similarity, rows), bands) AS chance
    FROM ledger, setting
    WHERE disposition = 'duplicate' AND rule = 'near' AND rows > 0 AND similarity > 0
        AND similarity >= coalesce(min_similarity, 0)
)
SELECT
    language,
    CAST(bands AS INTEGER) AS bands,
    CAST(rows AS INTEGER) AS rows,
    count(*) AS near_found,
    round(sum(1 / chance), 1) AS near_estimated,
    round(count(*) / sum(1 / chance), 4) AS recall,
    round(1 - pow(1 - pow(0.7, rows), bands), 4) AS chance_at_70,
    round(1 - pow(1 - pow(0.8, rows), bands), 4) AS chance_at_80,
    round(1 - pow(1 - pow(0.9, rows), bands), 4) AS chance_at_90
FROM pairs, setting
GROUP BY language, bands, rows
ORDER BY near_found DESC, language
