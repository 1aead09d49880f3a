-- By rule and limit: documents that fail it, those that fail nothing else, values found, and near misses (within 10 %).
WITH failed AS (
    SELECT doc_id, unnest(failures) AS failure, len(failures) AS failures FROM verdicts WHERE NOT keep
)
SELECT
    failure.rule AS rule,
    failure."limit" AS "limit",
    count(*) AS documents,
    count(*) FILTER (failures = 1) AS only_this_rule,
    count(*) FILTER (failures = 1 AND abs(failure.value - failure."limit") <= 0.1 * abs(failure."limit"))
        AS only_this_rule_within_10_percent,
    round(min(failure.value), 4) AS least,
    round(quantile_disc(failure.value, 0.5), 4) AS median,
    round(max(failure.value), 4) AS most,
    string_agg(DISTINCT signals.language, ' ' ORDER BY signals.language) AS languages
FROM failed LEFT JOIN signals USING (doc_id)
GROUP BY failure.rule, failure."limit"
ORDER BY documents DESC, rule, "limit"
