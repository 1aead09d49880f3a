-- The commonest repeated passages, five of each site or input and language: documents that have them, share, and text.
WITH placed AS (
    SELECT
        passages.doc_id,
        coalesce(site, host, source) AS place,
        language,
        spans
    FROM passages LEFT JOIN ledger USING (doc_id) LEFT JOIN web USING (doc_id)
),
found AS (
    SELECT doc_id, place, language, unnest(spans) AS span FROM placed
),
-- Passages are told apart by their text only in one document for each kind, length and count: texts are large.
alike AS (
    SELECT
        place,
        language,
        span.kind AS kind,
        span.documents AS documents,
        span.share AS share,
        span."end" - span.start AS characters,
        min(doc_id) AS example
    FROM found
    GROUP BY ALL
),
chosen AS (
    SELECT * FROM alike
    QUALIFY row_number() OVER (PARTITION BY place, language ORDER BY documents DESC, characters DESC, example, kind) <= 5
    ORDER BY documents DESC, characters DESC, example
    LIMIT 50
),
texts AS (
    SELECT
        chosen.*,
        regexp_replace(substring(text, span.start + 1, least(characters, 200)), '\s+', ' ', 'g') AS passage
    FROM chosen
    JOIN found ON found.doc_id = example AND span.kind = chosen.kind AND span.documents = chosen.documents
        AND span.share = chosen.share AND span."end" - span.start = characters
    JOIN documents ON documents.doc_id = example
),
counted AS (
    SELECT place, language, count(*) AS with_passages FROM placed GROUP BY place, language
)
SELECT
    place,
    texts.language,
    with_passages,
    kind,
    documents,
    round(100 * CAST(share AS DOUBLE), 1) AS percent,
    characters,
    passage
FROM texts JOIN counted USING (place)
WHERE texts.language IS NOT DISTINCT FROM counted.language
GROUP BY ALL
ORDER BY documents DESC, characters DESC, place, texts.language, passage
