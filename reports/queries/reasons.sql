-- Why records were not kept: rule, how many, their share of all records, and an example.
SELECT
    disposition,
    stage,
    rule,
    count(*) AS records,
    round(100.0 * count(*) / (SELECT count(*) FROM ledger), 2) AS percent,
    CAST(coalesce(sum(bytes), 0) AS BIGINT) AS bytes,
    min(doc_id) AS example_id,
    arg_min(uri, doc_id) AS example_uri
FROM ledger
WHERE disposition <> 'kept'
GROUP BY disposition, stage, rule
ORDER BY records DESC, disposition, stage, rule
