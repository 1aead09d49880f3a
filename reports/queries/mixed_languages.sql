-- Documents whose paragraphs are in more than one language: by pair of languages, and the share of the second.
SELECT
    languages[1].language AS first,
    languages[2].language AS second,
    count(*) AS documents,
    round(CAST(quantile_disc(languages[2].share, 0.5) AS DOUBLE), 3) AS second_share_median,
    min(doc_id) AS example_document
FROM signals
WHERE len(languages) > 1
GROUP BY ALL
ORDER BY documents DESC, first, second
