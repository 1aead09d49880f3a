-- Sources by what they cost a model: documents, tokens, loss, and how far it is above that of their language.
SELECT
    language,
    source,
    domain,
    count(*) AS documents,
    CAST(sum(tokens) AS BIGINT) AS tokens,
    round(sum(last_loss * tokens) / sum(tokens), 3) AS last_loss,
    round(sum(residual * tokens) / sum(tokens) FILTER (residual IS NOT NULL), 3) AS residual
FROM document_losses
GROUP BY language, source, domain
ORDER BY residual DESC NULLS LAST, language, source, domain
