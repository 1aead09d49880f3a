-- Duplicates by language: documents compared, those replaced by kind, those that an earlier output has, and their bytes.
SELECT
    language,
    count(*) AS documents,
    count(*) FILTER (disposition = 'duplicate') AS duplicates,
    count(*) FILTER (disposition = 'duplicate' AND rule = 'url') AS url,
    count(*) FILTER (disposition = 'duplicate' AND rule = 'exact') AS exact,
    count(*) FILTER (disposition = 'duplicate' AND rule = 'near') AS near,
    count(earlier) AS of_earlier_outputs,
    round(100.0 * count(*) FILTER (disposition = 'duplicate') / count(*), 2) AS percent,
    CAST(coalesce(sum(bytes), 0) AS BIGINT) AS bytes,
    CAST(coalesce(sum(bytes) FILTER (disposition = 'duplicate'), 0) AS BIGINT) AS duplicate_bytes
FROM ledger
WHERE stage IN ('dedup', 'curate')
GROUP BY language
ORDER BY duplicates DESC, documents DESC, language
