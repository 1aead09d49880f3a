-- By language, domain and input: the share of the mixture asked for, allowed and come out, epochs, documents, tokens.
SELECT
    language,
    domain,
    source,
    documents,
    bytes,
    round(100 * asked, 2) AS asked_percent,
    round(100 * share, 2) AS allowed_percent,
    round(100.0 * mixed_bytes / nullif(sum(mixed_bytes) OVER (), 0), 2) AS percent,
    round(100.0 * mixed_tokens / nullif(sum(mixed_tokens) OVER (), 0), 2) AS token_percent,
    round(mixed_bytes / nullif(bytes, 0), 2) AS epochs,
    mixed_documents,
    mixed_bytes,
    mixed_tokens
FROM mixture
ORDER BY mixed_tokens DESC, language, domain, source
