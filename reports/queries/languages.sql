-- By language: documents measured, how sure the language is, words per document, and the share kept.
SELECT
    coalesce(ledger.language, signals.language) AS language,
    count(*) AS documents,
    count(*) FILTER (disposition = 'kept') AS kept,
    round(100.0 * count(*) FILTER (disposition = 'kept') / count(*), 1) AS kept_percent,
    round(CAST(quantile_disc(language_score, 0.05) AS DOUBLE), 3) AS score_p05,
    round(CAST(quantile_disc(language_score, 0.5) AS DOUBLE), 3) AS score_median,
    CAST(sum(n_words) AS BIGINT) AS words,
    quantile_disc(n_words, 0.5) AS words_median
FROM signals LEFT JOIN ledger USING (doc_id)
GROUP BY 1
ORDER BY documents DESC, language
