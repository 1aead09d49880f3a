-- The largest clusters of duplicates, five of each language: size, kinds, what was kept, and how its text begins.
WITH counted AS (
    SELECT
        cluster,
        max(size) AS size,
        count(*) FILTER (kind = 'url') AS url,
        count(*) FILTER (kind = 'exact') AS exact,
        count(*) FILTER (kind = 'near') AS near,
        round(CAST(min(similarity) AS DOUBLE), 3) AS least_similarity,
        max(survivor_id) AS survivor_id,
        max(earlier) AS earlier,
        -- Where an earlier output holds the survivor, the cluster's first document is shown instead.
        if(max(earlier) IS NULL, max(survivor_id), cluster) AS shown
    FROM clusters
    GROUP BY cluster
),
placed AS (
    SELECT
        counted.*, language, uri, row_number() OVER (PARTITION BY language ORDER BY counted.size DESC, cluster) AS place
    FROM counted LEFT JOIN ledger ON doc_id = shown
)
SELECT
    placed.language,
    cluster,
    placed.size,
    placed.url,
    placed.exact,
    placed.near,
    least_similarity,
    survivor_id,
    earlier,
    placed.uri,
    regexp_replace(left(text, 200), '\s+', ' ', 'g') AS sample
FROM (FROM placed WHERE place <= 5) AS placed LEFT JOIN documents ON documents.doc_id = shown
ORDER BY placed.size DESC, cluster
