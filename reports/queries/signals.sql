-- Quantiles of the main signals, by language: what a limit would cut off.
WITH chosen AS (
    SELECT
        language,
        CAST(n_words AS DOUBLE) AS n_words,
        CAST(mean_word_length AS DOUBLE) AS mean_word_length,
        CAST(alpha_word_ratio AS DOUBLE) AS alpha_word_ratio,
        CAST(stop_words AS DOUBLE) AS stop_words,
        CAST(terminal_line_ratio AS DOUBLE) AS terminal_line_ratio,
        CAST(short_line_ratio AS DOUBLE) AS short_line_ratio,
        CAST(duplicate_line_char_ratio AS DOUBLE) AS duplicate_line_char_ratio,
        CAST(duplicate_5_gram_char_ratio AS DOUBLE) AS duplicate_5_gram_char_ratio,
        CAST(entropy AS DOUBLE) AS entropy,
        CAST(script_ratio AS DOUBLE) AS script_ratio
    FROM signals
),
long AS (
    UNPIVOT chosen ON COLUMNS(* EXCLUDE language) INTO NAME signal VALUE value
)
SELECT
    language,
    signal,
    count(*) AS documents,
    round(quantile_disc(value, 0.01), 4) AS p01,
    round(quantile_disc(value, 0.05), 4) AS p05,
    round(quantile_disc(value, 0.25), 4) AS p25,
    round(quantile_disc(value, 0.5), 4) AS median,
    round(quantile_disc(value, 0.75), 4) AS p75,
    round(quantile_disc(value, 0.95), 4) AS p95,
    round(quantile_disc(value, 0.99), 4) AS p99
FROM long
GROUP BY language, signal
ORDER BY language, signal
