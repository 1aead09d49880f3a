-- By site (registrable domain): documents, what is kept of them, blocklists that name it, reservations, stated licences.
SELECT
    site,
    count(*) AS documents,
    count(*) FILTER (disposition = 'kept') AS kept,
    count(*) FILTER (blocklists > 0) AS blocked,
    count(*) FILTER (opt_outs > 0) AS reserved,
    count(page_licence) AS licensed,
    list_sort(list_distinct(flatten(list(blocklists_hit)))) AS blocklists,
    list_sort(list_distinct(flatten(list(opt_outs_found)))) AS opt_outs,
    list_sort(list_distinct(list(page_licence) FILTER (page_licence IS NOT NULL))) AS licences
FROM web LEFT JOIN ledger USING (doc_id)
WHERE site IS NOT NULL
GROUP BY site
ORDER BY documents DESC, site
