"""Tables of what is measured of a document, one beside the other, row by row."""

import pyarrow as pa

from gristmill.schemas.columns import DOC_ID, DOMAIN, DOUBLE, FLOAT, INT32, INT64, STRING, Table, column

PERMUTATIONS = 112
"""MinHash permutations per signature: 14 bands of 8 rows, the setting FineWeb uses, cross a similarity of 0.72."""


def _ratio(name: str, meaning: str) -> pa.Field:
    return column(name, FLOAT, meaning + " 0..1.")


def _count(name: str, meaning: str) -> pa.Field:
    return column(name, INT32, meaning)


SIGNAL_FIELDS: tuple[pa.Field, ...] = (
    _count("n_chars", "Characters (code points)."),
    _count("n_words", "Words; in unspaced scripts every base character with its marks counts as one."),
    _count("n_lines", "Lines that are not blank."),
    _count("n_paragraphs", "Paragraphs: runs of lines set apart by blank lines."),
    _count("n_sentences", "Sentences: what ends with sentence-final punctuation or a line's end, and has a letter."),
    column("mean_word_length", FLOAT, "Characters per word, marks not counted."),
    _count("max_word_length", "Characters of the longest word."),
    _ratio("alpha_word_ratio", "Words with at least one letter, of all words and punctuation marks."),
    _ratio("symbol_word_ratio", "Hash signs or ellipses, whichever are more, per word or punctuation mark."),
    _ratio("letter_ratio", "Letters and marks, of all characters that are not spaces."),
    _ratio("digit_ratio", "Digits, of all characters that are not spaces."),
    _ratio("upper_ratio", "Upper-case letters, of all letters."),
    _ratio("replacement_ratio", "U+FFFD, private-use and unassigned characters, of all that are not spaces."),
    _ratio("mojibake_ratio", "Characters that are UTF-8 read in a one-byte encoding, of all that are not spaces."),
    _ratio("bullet_line_ratio", "Lines that begin with a bullet."),
    _ratio("ellipsis_line_ratio", "Lines that end with an ellipsis."),
    _ratio("terminal_line_ratio", "Lines that end with sentence-final punctuation of any script."),
    _ratio("short_line_ratio", "Lines of at most 30 characters (10 in unspaced scripts)."),
    _count("n_long_lines", "Lines of at least 200 characters."),
    _ratio("upper_line_ratio", "Lines most of whose letters are upper case."),
    _ratio("numeric_line_ratio", "Lines with numbers and no letters."),
    _ratio("counter_line_ratio", "Lines that are counters, such as '3 likes'."),
    _ratio("one_word_line_ratio", "Lines of one word or none (fewer than 4 letters in unspaced scripts)."),
    _ratio("flagged_line_word_ratio", "Words on lines of these four kinds, of all words."),
    _count("javascript_lines", "Lines with the word Javascript."),
    _count("policy_lines", "Lines with English phrases such as 'privacy policy' or 'uses cookies'."),
    _ratio("c4_line_ratio", "Lines that C4 keeps: end as a sentence, 5 words or more, no Javascript, no policy."),
    _count("c4_sentences", "Sentences on lines that C4 keeps."),
    _ratio("newline_word_ratio", "Line breaks per word or punctuation mark."),
    _count("stop_words", "Different words of the language's stop-word list."),
    _count("curly_brackets", "Curly brackets."),
    _count("lorem_ipsum", "Occurrences of 'lorem ipsum', case folded."),
    _ratio("duplicate_line_ratio", "Lines seen before in the document, of all lines."),
    _ratio("duplicate_line_char_ratio", "Characters in lines seen before, of all characters."),
    _ratio("duplicate_paragraph_ratio", "Paragraphs seen before in the document, of all paragraphs."),
    _ratio("duplicate_paragraph_char_ratio", "Characters in paragraphs seen before, of all characters."),
    *(_ratio(f"top_{n}_gram_char_ratio", f"Characters covered by the commonest word {n}-gram.") for n in (2, 3, 4)),
    *(
        _ratio(f"duplicate_{n}_gram_char_ratio", f"Characters covered by word {n}-grams that occur more than once.")
        for n in range(5, 11)
    ),
    column("entropy", FLOAT, "Entropy of the distribution of characters, in bits per character."),
    _ratio("script_ratio", "Letters of the commonest script, of all letters."),
    _ratio("second_script_ratio", "Letters of the second commonest script, of all letters."),
    column(
        "word_order",
        FLOAT,
        "How far the order of words is from a random one, in standard errors: within 2 if shuffled. Null if untold.",
    ),
)
"""The signals that the kernel measures, in column order."""

PERSONAL_FIELDS: tuple[pa.Field, ...] = (
    _count("emails", "E-mail addresses."),
    _count("phones", "Telephone numbers."),
    _count("ips", "Public IP addresses."),
    _count("ibans", "International bank account numbers with a right checksum."),
    _count("cards", "Payment card numbers with a right checksum."),
    _count("national_ids", "National identity and tax numbers with a right checksum."),
)
"""What rules may compare of personal data."""

PERSONAL_KINDS = {
    "emails": "email",
    "phones": "phone",
    "ips": "ip",
    "ibans": "iban",
    "cards": "card",
    "national_ids": "national_id",
}
"""The kind of personal data that each of these columns counts, as the recipe and the spans name it."""

WEB_FIELDS: tuple[pa.Field, ...] = (
    _count("blocklists", "Blocklists, or categories of one, that name the host, its domain or the URL."),
    _count("opt_outs", "Reservations against use for training: robots.txt, robots meta and header, TDM reservation."),
)
"""What rules may compare of a document's origin."""

CONTAMINATION_FIELDS: tuple[pa.Field, ...] = (
    _count("contaminated_items", "Items of evaluation sets found in the text."),
    _ratio("contamination_share", "Characters of the text that belong to items found."),
)
"""What rules may compare of evaluation sets in the text."""

QUALITY_FIELDS: tuple[pa.Field, ...] = (
    _ratio(
        "quality_score", "Likeness to reference text, by the classifier of its language: probability. Null if none."
    ),
    column("perplexity", FLOAT, "Perplexity by the KenLM model of its language; null if none. 1 or more."),
)
"""What rules may compare of quality."""

MEASURED_FIELDS = (*SIGNAL_FIELDS, *PERSONAL_FIELDS, *WEB_FIELDS, *CONTAMINATION_FIELDS, *QUALITY_FIELDS)
"""All that rules may compare, whichever table it stands in."""

SIGNALS = Table(
    name="signals",
    row="one document with status ok, in the order of its documents file",
    schema=pa.schema(
        [
            DOC_ID,
            column("language", STRING, "The likeliest language with its script, such as zho_Hans, however unsure."),
            column("language_score", FLOAT, "How sure that language is. 0..1."),
            column(
                "languages",
                pa.list_(pa.struct([("language", pa.string()), ("share", pa.float32())])),
                "Languages of the paragraphs, with their shares of the characters, largest first.",
            ),
            *SIGNAL_FIELDS,
            column("text_hash", pa.binary(16), "Hash of the text, white space apart: equal for exact duplicates."),
            column("signature", pa.binary(4 * PERMUTATIONS), "MinHash values: affine32 scheme, little-endian uint32."),
        ]
    ),
)

PERSONAL = Table(
    name="personal",
    row="one document with status ok, in the order of its signals file",
    schema=pa.schema(
        [
            DOC_ID,
            *PERSONAL_FIELDS,
            column(
                "spans",
                pa.list_(pa.struct([("kind", pa.string()), ("start", pa.int32()), ("end", pa.int32())])),
                "Personal data: its kind and its place in the text, in code points.",
            ),
        ]
    ),
)

WEB = Table(
    name="web",
    row="one document with status ok, in the order of its signals file",
    schema=pa.schema(
        [
            DOC_ID,
            *WEB_FIELDS,
            column("host", STRING, "Host name of the URL, in lower case and punycode."),
            column("site", STRING, "Registrable domain of the host, by the public suffix list; null if it has none."),
            column(
                "blocklists_hit",
                pa.list_(STRING),
                "Blocklists that name the host or URL; with category, as ut1:adult, if the list has any.",
            ),
            column(
                "opt_outs_found",
                pa.list_(STRING),
                "The record's own opt_outs, whether they count or not, and its site's, such as robots:GPTBot.",
            ),
            column("page_licence", STRING, "Licence that the page states, such as CC-BY-4.0."),
        ]
    ),
)

CONTAMINATION = Table(
    name="contamination",
    row="one document with status ok, in the order of its signals file",
    schema=pa.schema(
        [
            DOC_ID,
            *CONTAMINATION_FIELDS,
            column(
                "evidence",
                pa.list_(
                    pa.struct(
                        [
                            ("set", pa.string()),
                            ("item", pa.string()),
                            ("share", pa.float32()),
                            ("start", pa.int32()),
                            ("end", pa.int32()),
                            ("text", pa.string()),
                        ]
                    )
                ),
                "Items found: set, item (and /field, where its set has several), share of its words found, place "
                "in the text in code points, and the beginning of the matching text.",
            ),
        ]
    ),
)

EVALUATION_ITEMS = Table(
    name="evaluation_items",
    row="one text of an evaluation set: a field of an item",
    schema=pa.schema(
        [
            column("set", STRING, "Name of the set in the recipe."),
            column("item", STRING, "The item's own id, or else its place: row number from 0, dotted where nested."),
            column("field", STRING, "Field of the item that holds the text."),
            column("text", STRING, "Beginning of the text."),
            _count("words", "Words of the text, without what nearly all texts of the field begin or end with."),
            column(
                "match",
                STRING,
                "aligned: found where enough of its words stand in order; exact: found where all do; none: too short "
                "or too common to be told, and not looked for.",
            ),
            _count("passage", "Number of the text among different ones: texts with equal words share it."),
            column("tokens", pa.list_(pa.uint32()), "Hashes of the words; in the first row of a passage only."),
            column("telling", pa.list_(pa.uint8()), "Letters of each word that is neither number nor stop word."),
            column("seeds", pa.list_(pa.uint64()), "Hashes of the runs of words that give the passage away."),
            column("seed_places", pa.list_(INT32), "Word that each of these begins with."),
        ]
    ),
)

QUALITY = Table(
    name="quality",
    row="one document with status ok, in the order of its signals file",
    schema=pa.schema(
        [
            DOC_ID,
            *QUALITY_FIELDS,
            column("likely_domain", STRING, "The domain that the text is most like, of those that inputs declare."),
            column("likely_domain_score", FLOAT, "How sure that domain is. 0..1."),
        ]
    ),
)

QUALITY_SAMPLE = Table(
    name="quality_sample",
    row="one document that a classifier of quality or domains may be trained on",
    schema=pa.schema(
        [
            column("language", STRING, "The likeliest language with its script, such as zho_Hans."),
            column("role", STRING, "raw or reference, as in the recipe."),
            DOMAIN,
            column("hash", pa.uint64(), "Place in the sample, by hash of seed and text: equal for equal texts."),
            column("text", STRING, "What is looked at of the text: all of it, or three windows of a long one."),
        ]
    ),
)

QUALITY_REPORT = Table(
    name="quality_report",
    row="one language, and what a classifier of quality, or of domains, is worth there, or why there is none",
    schema=pa.schema(
        [
            column("kind", STRING, "quality or domain."),
            column("language", STRING, "The likeliest language with its script, such as zho_Hans."),
            column("model", STRING, "The classifier: that of the language, or of its script; null if there is none."),
            column("reason", STRING, "Why there is no classifier."),
            column(
                "classes",
                pa.list_(
                    pa.struct(
                        [("name", pa.string()), ("documents", pa.int64()), ("words", pa.int64()), ("used", pa.int64())]
                    )
                ),
                "Classes: documents of 50 words or more, their words, and documents trained on.",
            ),
            column("auc", DOUBLE, "Chance that reference text scores above raw text; of quality, held out. 0..1."),
            column("accuracy", DOUBLE, "Documents whose domain is the declared one; of domains, held out. 0..1."),
            column("calibration_error", DOUBLE, "How far probabilities are from shares, on average, held out. 0..1."),
            column(
                "thresholds",
                pa.list_(pa.struct([("score", pa.float64()), ("reference", pa.float64()), ("raw", pa.float64())])),
                "Share of reference and of raw documents, held out, that score at least so much.",
            ),
        ]
    ),
)

DOMAIN_REPORT = Table(
    name="domain_report",
    row="one domain that inputs declare and one that the classifier says, in one language",
    schema=pa.schema(
        [
            column("language", STRING, "The likeliest language with its script, such as zho_Hans."),
            DOMAIN,
            column("likely_domain", STRING, "What the classifier says."),
            column("documents", INT64, "Documents, held out, of which both is true."),
        ]
    ),
)

MEASURES: tuple[Table, ...] = (PERSONAL, WEB, CONTAMINATION, QUALITY)
"""Tables beside the signals, each aligned with them row by row; a run writes those that its recipe asks for."""
