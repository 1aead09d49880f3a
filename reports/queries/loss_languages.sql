-- Documents whose label of a language a model doubts: those that use its experts as another language does, 100 at most.
SELECT
    doc_id,
    language,
    nearest,
    round(doubt, 4) AS doubt,
    round(document_losses.residual, 3) AS residual,
    document_losses.source,
    uri,
    regexp_replace(left(text, 200), '\s+', ' ', 'g') AS sample
FROM (FROM document_losses WHERE doubt > 0 ORDER BY doubt DESC, doc_id LIMIT 100) AS document_losses
LEFT JOIN curated USING (doc_id, language)
ORDER BY document_losses.doubt DESC, doc_id
