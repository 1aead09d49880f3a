-- What a quality score predicts, by language: its correlation with the loss, and the loss of the lowest and highest quarter.
WITH placed AS (
    SELECT language, quality, residual, ntile(4) OVER (PARTITION BY language ORDER BY quality, doc_id) AS quarter
    FROM document_losses
    WHERE quality IS NOT NULL AND residual IS NOT NULL
)
SELECT
    language,
    count(*) AS documents,
    round(corr(quality, residual), 3) AS correlation,
    round(avg(residual) FILTER (quarter = 1), 3) AS lowest_quarter,
    round(avg(residual) FILTER (quarter = 4), 3) AS highest_quarter
FROM placed
GROUP BY language
ORDER BY documents DESC, language
