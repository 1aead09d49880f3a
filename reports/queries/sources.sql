-- By input of the recipe: domain and licence, records, what became of them, bytes in and kept.
SELECT
    ledger.source,
    documents.domain,
    documents.licence,
    count(*) AS records,
    count(*) FILTER (disposition = 'kept') AS kept,
    count(*) FILTER (disposition = 'dropped') AS dropped,
    count(*) FILTER (disposition = 'duplicate') AS duplicate,
    count(*) FILTER (disposition = 'skipped') AS skipped,
    count(*) FILTER (disposition = 'unreadable') AS unreadable,
    CAST(coalesce(sum(ledger.bytes), 0) AS BIGINT) AS bytes_in,
    CAST(coalesce(sum(ledger.bytes) FILTER (disposition = 'kept'), 0) AS BIGINT) AS bytes_kept
FROM ledger LEFT JOIN documents USING (doc_id)
GROUP BY ledger.source, documents.domain, documents.licence
ORDER BY bytes_kept DESC, records DESC, ledger.source, documents.domain, documents.licence
