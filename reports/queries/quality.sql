-- Quality scores and likely domains, by language: documents scored, quantiles of the score, the commonest domain.
SELECT
    coalesce(ledger.language, signals.language) AS language,
    count(*) AS documents,
    count(quality_score) AS scored,
    round(CAST(quantile_disc(quality_score, 0.05) AS DOUBLE), 3) AS score_p05,
    round(CAST(quantile_disc(quality_score, 0.5) AS DOUBLE), 3) AS score_median,
    round(CAST(quantile_disc(quality_score, 0.95) AS DOUBLE), 3) AS score_p95,
    round(CAST(quantile_disc(perplexity, 0.5) AS DOUBLE), 1) AS perplexity_median,
    mode(likely_domain) AS commonest_domain
FROM quality JOIN signals USING (doc_id) LEFT JOIN ledger USING (doc_id)
GROUP BY 1
ORDER BY documents DESC, language
