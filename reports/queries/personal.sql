-- Personal data by language: documents with any, and how much of each kind was found.
SELECT
    coalesce(ledger.language, signals.language) AS language,
    count(*) AS documents,
    count(*) FILTER (len(spans) > 0) AS with_personal_data,
    CAST(sum(emails) AS BIGINT) AS emails,
    CAST(sum(phones) AS BIGINT) AS phones,
    CAST(sum(ips) AS BIGINT) AS ips,
    CAST(sum(ibans) AS BIGINT) AS ibans,
    CAST(sum(cards) AS BIGINT) AS cards,
    CAST(sum(national_ids) AS BIGINT) AS national_ids
FROM personal JOIN signals USING (doc_id) LEFT JOIN ledger USING (doc_id)
GROUP BY 1
ORDER BY with_personal_data DESC, language
