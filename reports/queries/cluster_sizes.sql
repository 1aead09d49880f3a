-- Clusters of duplicates by language and size (1: its survivor is in an earlier output): clusters, and documents in them.
WITH counted AS (
    SELECT cluster, max(size) AS size, max(earlier) AS earlier, max(survivor_id) AS survivor_id
    FROM clusters
    GROUP BY cluster
),
classed AS (
    -- A cluster is of its survivor's language, or where an earlier output holds that one, of its first document's.
    SELECT language, size, list_max([each FOR each IN [1, 2, 3, 5, 10, 100, 1000] IF each <= size]) AS at_least
    FROM counted LEFT JOIN ledger ON doc_id = if(counted.earlier IS NULL, counted.survivor_id, cluster)
)
SELECT
    language,
    at_least,
    list_min([each FOR each IN [2, 3, 5, 10, 100, 1000] IF each > at_least]) - 1 AS at_most,
    count(*) AS clusters,
    CAST(sum(size) AS BIGINT) AS documents
FROM classed
GROUP BY language, at_least
ORDER BY language, at_least
