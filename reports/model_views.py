"""Views over what a model's training wrote: losses that can be compared, by sight and by document.

A loss means little by itself: it falls as training goes on, and languages and sources differ. A residual is a loss less
the running median of all, and what that leaves less the running median of its kind: over the 32 sights before and the
32 after it. Those of all follow the fall of the loss closely, since they come soon after each other. Sights, not steps,
so that a kind of few documents has as many to be compared with; where those of a source are fewer than 16, a sight is
compared with its language.
"""

_WIDE = 32
_ENOUGH = 16
_WINDOW = f'ORDER BY step, doc_id, "offset" ROWS BETWEEN {_WIDE} PRECEDING AND {_WIDE} FOLLOWING'
_OTHERS = f"{_WINDOW} EXCLUDE CURRENT ROW"

_RESIDUALS = f"""
    WITH learnt AS (
        SELECT
            losses.*,
            language,
            domain,
            source,
            quality,
            loss - median(loss) OVER ({_WINDOW}) AS above
        FROM losses JOIN curated USING (doc_id)
        WHERE step NOT IN (SELECT step FROM training WHERE skipped)
    ),
    beside AS (
        SELECT
            *,
            above - median(above) OVER (PARTITION BY language {_OTHERS}) AS residual,
            above - median(above) OVER (PARTITION BY language, source {_OTHERS}) AS of_source,
            count(*) OVER (PARTITION BY language, source {_OTHERS}) AS others
        FROM learnt
    )
    SELECT
        * EXCLUDE (above, of_source, others),
        if(others < {_ENOUGH}, residual, of_source) AS source_residual,
        row_number() OVER (PARTITION BY doc_id, "offset" ORDER BY step) AS sight,
        count(*) OVER (PARTITION BY doc_id, "offset") AS sights
    FROM beside
"""

# What a young model finds hard says little of the text: sights weigh as their step is late.
_DOCUMENT_LOSSES = """
    WITH documents_seen AS (
        SELECT
            doc_id,
            language,
            domain,
            source,
            quality,
            max(sights) AS sights,
            CAST(sum(tokens) FILTER (sight = 1) AS BIGINT) AS tokens,
            sum(loss * tokens) FILTER (sight = 1) / sum(tokens) FILTER (sight = 1) AS first_loss,
            sum(loss * tokens) FILTER (sight = sights) / sum(tokens) FILTER (sight = sights) AS last_loss,
            sum(residual * tokens * step) / sum(tokens * step) FILTER (residual IS NOT NULL) AS residual,
            sum(source_residual * tokens * step) / sum(tokens * step) FILTER (source_residual IS NOT NULL)
                AS source_residual,
            sum(residual * tokens) FILTER (sight = 1) / sum(tokens) FILTER (sight = 1) AS first,
            sum(residual * tokens) FILTER (sight = sights) / sum(tokens) FILTER (sight = sights) AS last,
            arg_max(nearest, doubt) AS nearest,
            sum(doubt * tokens) / sum(tokens) FILTER (doubt IS NOT NULL) AS doubt
        FROM residuals
        GROUP BY doc_id, language, domain, source, quality
    ),
    foreseen AS (
        SELECT regr_intercept(last, first) AS base, regr_slope(last, first) AS slope
        FROM documents_seen WHERE sights > 1
    )
    SELECT documents_seen.* EXCLUDE (first, last), if(sights > 1, base + slope * first - last, NULL) AS collapse
    FROM documents_seen, foreseen
"""

MODEL_VIEWS = {"residuals": _RESIDUALS, "document_losses": _DOCUMENT_LOSSES}
