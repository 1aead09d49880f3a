-- By language: documents and tokens in the shards, tokens without repeats, how often they are repeated, and the share.
WITH pieces AS (
    SELECT
        unnest(languages) AS language,
        unnest(doc_ids) AS doc_id,
        unnest(doc_lens) AS tokens,
        unnest(doc_offsets) AS start
    FROM shards
),
packed AS (
    -- The document's last token is in its last piece, so that piece's end is the document's length.
    SELECT language, doc_id, sum(tokens) AS tokens, max(start + tokens) AS distinct_tokens
    FROM pieces GROUP BY language, doc_id
)
SELECT
    language,
    count(*) AS documents,
    CAST(sum(tokens) AS BIGINT) AS tokens,
    CAST(sum(distinct_tokens) AS BIGINT) AS distinct_tokens,
    round(sum(tokens) / sum(distinct_tokens), 2) AS epochs,
    round(100.0 * sum(tokens) / sum(sum(tokens)) OVER (), 2) AS percent
FROM packed
GROUP BY language
ORDER BY tokens DESC, language
