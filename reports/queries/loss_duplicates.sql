-- Documents whose loss collapses from first to last sight: the model has seen them elsewhere too; 100 at most.
SELECT
    doc_id,
    language,
    document_losses.source,
    round(collapse, 3) AS collapse,
    round(first_loss, 3) AS first_loss,
    round(last_loss, 3) AS last_loss,
    sights,
    cluster_size,
    uri,
    regexp_replace(left(text, 200), '\s+', ' ', 'g') AS sample
FROM (FROM document_losses WHERE collapse > 0 ORDER BY collapse DESC, doc_id LIMIT 100) AS document_losses
LEFT JOIN curated USING (doc_id, language)
ORDER BY document_losses.collapse DESC, doc_id
