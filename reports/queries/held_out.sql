-- By language: documents kept, those of them that are held out, and the bytes of their text.
WITH kept AS (
    SELECT language, count(*) AS kept FROM ledger WHERE disposition = 'kept' GROUP BY language
),
apart AS (
    SELECT language, count(*) AS held_out, sum(strlen(text)) AS text_bytes FROM held_out GROUP BY language
)
SELECT
    language,
    kept,
    coalesce(held_out, 0) AS held_out,
    round(100.0 * coalesce(held_out, 0) / kept, 2) AS percent,
    CAST(coalesce(text_bytes, 0) AS BIGINT) AS text_bytes
FROM kept LEFT JOIN apart USING (language)
ORDER BY kept DESC, language
