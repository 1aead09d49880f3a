-- The fifty largest clusters of duplicates: size, how alike their documents are, and the one that was kept.
SELECT
    clusters.survivor_id,
    max(clusters.size) AS size,
    count(*) FILTER (kind = 'exact') AS exact,
    count(*) FILTER (kind = 'near') AS near,
    round(CAST(min(clusters.similarity) AS DOUBLE), 3) AS least_similarity,
    any_value(survivor.language) AS language,
    any_value(survivor.uri) AS uri
FROM clusters LEFT JOIN ledger AS survivor ON survivor.doc_id = clusters.survivor_id
GROUP BY clusters.survivor_id
ORDER BY size DESC, clusters.survivor_id
LIMIT 50
