-- Documents that a model finds far harder than others of their language and source: shuffled or garbled text; 100 at most.
SELECT
    doc_id,
    language,
    document_losses.source,
    round(source_residual, 3) AS source_residual,
    round(last_loss, 3) AS last_loss,
    tokens,
    uri,
    regexp_replace(left(text, 200), '\s+', ' ', 'g') AS sample
FROM (
    FROM document_losses WHERE source_residual > 0 ORDER BY source_residual DESC, doc_id LIMIT 100
) AS document_losses
LEFT JOIN curated USING (doc_id, language)
ORDER BY document_losses.source_residual DESC, doc_id
