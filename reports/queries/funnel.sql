-- By language: records, what became of them, bytes in and kept, and tokens in the shards (repeats counted).
WITH pieces AS (
    SELECT unnest(languages) AS language, unnest(doc_lens) AS tokens FROM shards
),
packed AS (
    SELECT language, sum(tokens) AS tokens FROM pieces GROUP BY language
),
counted AS (
    SELECT
        language,
        count(*) AS records,
        count(*) FILTER (disposition = 'kept') AS kept,
        count(*) FILTER (disposition = 'dropped') AS dropped,
        count(*) FILTER (disposition = 'duplicate') AS duplicate,
        count(*) FILTER (disposition = 'skipped') AS skipped,
        count(*) FILTER (disposition = 'unreadable') AS unreadable,
        CAST(coalesce(sum(bytes), 0) AS BIGINT) AS bytes_in,
        CAST(coalesce(sum(bytes) FILTER (disposition = 'kept'), 0) AS BIGINT) AS bytes_kept
    FROM ledger
    GROUP BY language
)
SELECT counted.*, CAST(coalesce(packed.tokens, 0) AS BIGINT) AS tokens
FROM counted LEFT JOIN packed USING (language)
ORDER BY bytes_kept DESC, records DESC, language NULLS LAST
