-- By evaluation set: items found, documents they were found in, what became of these, and the clearest example.
WITH found AS (
    SELECT doc_id, unnest(evidence) AS item FROM contamination WHERE contaminated_items > 0
)
SELECT
    item.set AS set,
    count(DISTINCT item.item) AS items,
    count(DISTINCT doc_id) AS documents,
    count(DISTINCT doc_id) FILTER (disposition = 'kept') AS documents_kept,
    round(CAST(quantile_disc(item.share, 0.5) AS DOUBLE), 3) AS share_median,
    arg_max(doc_id, (item.share, doc_id)) AS example_document,
    arg_max(item.item, (item.share, doc_id)) AS example_item,
    arg_max(item.text, (item.share, doc_id)) AS example_text
FROM found LEFT JOIN ledger USING (doc_id)
GROUP BY item.set
ORDER BY documents DESC, set
