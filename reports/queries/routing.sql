-- What experts know of languages and domains, by layer: mutual information in bits, beside that of labels dealt out anew.
-- I = sum over pairs of p(expert, label) log2(p(expert, label) / p(expert) p(label)), of the tokens of the second half of
-- the run. Labels dealt out anew among the documents, each whole, tell what would be found if experts knew nothing; what is
-- above that is knowledge. The share is of the labels' entropy, which is the most that can be known.
WITH late AS (
    SELECT * FROM routing WHERE step > (SELECT max(step) / 2 FROM routing)
),
labelled AS (
    SELECT layer, expert, 'language' AS what, language AS label, tokens, chance FROM late
    UNION ALL
    SELECT layer, expert, 'domain' AS what, domain AS label, tokens, chance FROM late
),
counted AS (
    SELECT layer, expert, what, label, measure, sum(number) AS number
    FROM (UNPIVOT labelled ON tokens, chance INTO NAME measure VALUE number)
    GROUP BY ALL
),
shares AS (
    SELECT
        layer,
        what,
        measure,
        number / sum(number) OVER (PARTITION BY layer, what, measure) AS joint,
        sum(number) OVER (PARTITION BY layer, what, measure, expert)
            / sum(number) OVER (PARTITION BY layer, what, measure) AS of_expert,
        sum(number) OVER (PARTITION BY layer, what, measure, label)
            / sum(number) OVER (PARTITION BY layer, what, measure) AS of_label
    FROM counted
),
known AS (
    SELECT
        layer,
        what,
        sum(joint * log2(joint / (of_expert * of_label))) FILTER (measure = 'tokens' AND joint > 0) AS bits,
        sum(joint * log2(joint / (of_expert * of_label))) FILTER (measure = 'chance' AND joint > 0) AS chance_bits,
        -sum(joint * log2(of_label)) FILTER (measure = 'tokens' AND joint > 0) AS entropy
    FROM shares
    GROUP BY layer, what
)
SELECT
    layer,
    what AS of,
    round(bits, 4) AS bits,
    round(chance_bits, 4) AS chance_bits,
    round(bits - chance_bits, 4) AS known_bits,
    round(100 * (bits - chance_bits) / nullif(entropy, 0), 1) AS percent
FROM known
ORDER BY layer, of DESC
