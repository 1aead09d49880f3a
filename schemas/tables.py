"""What every table looks like: column names, Arrow types and meaning. `docs/tables.md` is generated from here."""

from dataclasses import dataclass

import pyarrow as pa

PERMUTATIONS = 112
"""MinHash permutations per signature: 14 bands of 8 rows, the setting FineWeb uses, cross a similarity of 0.72."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of an output folder: its name, what one row is, and its Arrow schema."""

    name: str
    row: str
    schema: pa.Schema


def _column(name: str, kind: pa.DataType, meaning: str) -> pa.Field:
    return pa.field(name, kind, metadata={"meaning": meaning})


_STRING, _INT32, _INT64, _FLOAT, _DOUBLE, _BOOL = (
    pa.string(),
    pa.int32(),
    pa.int64(),
    pa.float32(),
    pa.float64(),
    pa.bool_(),
)

_DOC_ID = _column("doc_id", _STRING, "Document id: 32 hexadecimal digits from origin and content.")
_SOURCE = _column("source", _STRING, "Name of the recipe's input that the record came from.")
_DOMAIN = _column("domain", _STRING, "Domain that the recipe gives the input, such as finance or medicine.")
_LICENCE = _column("licence", _STRING, "Licence that the recipe gives the input; in curated text, else the page's own.")
_URI = _column("uri", _STRING, "Where the record came from: its URL, or the file and the place in it.")
_LANGUAGE = _column(
    "language",
    _STRING,
    "ISO 639-3 language and ISO 15924 script, such as zho_Hans; und_Hans if unsure, und without letters.",
)
_TITLE = _column("title", _STRING, "Title, where the record has one.")
_DATE = _column("date", _STRING, "Date of publication or capture as the record states it (ISO 8601), if it does.")

DOCUMENTS = Table(
    name="documents",
    row="one record of an input file, whatever became of it",
    schema=pa.schema(
        [
            _DOC_ID,
            _SOURCE,
            _DOMAIN,
            _LICENCE,
            _column("role", _STRING, "raw (to be curated) or reference (known good text, never curated)."),
            _column("path", _STRING, "The input file, relative to the recipe's folder."),
            _column("offset", _INT64, "Place in the file: byte offset (of the compressed member), or row number."),
            _URI,
            _column("canonical", _STRING, "The canonical URL that a page names, where it is another one."),
            _column("bytes", _INT64, "Size of the record's payload in bytes, as found."),
            _column("media_type", _STRING, "Media type of the payload, such as text/html."),
            _column("encoding", _STRING, "Character encoding the payload was decoded from."),
            _TITLE,
            _DATE,
            _column("captured", _STRING, "Date of capture (ISO 8601), where an archive states it."),
            _column("text", _STRING, "Extracted and repaired text; empty where the record has none."),
            _column(
                "opt_outs",
                pa.list_(_STRING),
                "Robots directives and TDM reservations that the record itself carries, such as meta:noai, "
                "header:noindex or meta:tdm; null where it can carry none.",
            ),
            _column("page_licence", _STRING, "Licence that the page states, such as CC-BY-4.0."),
            _column("status", _STRING, "ok, skipped (no document by nature) or unreadable (damaged)."),
            _column("rule", _STRING, "Why the record was skipped or is unreadable, such as warc.request."),
            _column("detail", _STRING, "What was found, in words, such as the media type or the error."),
        ]
    ),
)

SITE_FILES = Table(
    name="site_files",
    row="a robots.txt or TDM file that an archive holds: it speaks for all documents of its host",
    schema=pa.schema(
        [
            _column("uri", _STRING, "Its URL."),
            _column("file", _STRING, "robots.txt or tdmrep.json."),
            _DATE,
            _column("text", _STRING, "Its text, the first 500 KiB."),
        ]
    ),
)


def _numbers(kind: pa.DataType, length: int = -1) -> pa.DataType:
    """A list of numbers of which none is null: a reader has half the work on levels of nesting."""
    return pa.list_(pa.field("element", kind, nullable=False), length)


def _ratio(name: str, meaning: str) -> pa.Field:
    return _column(name, _FLOAT, meaning + " 0..1.")


def _count(name: str, meaning: str) -> pa.Field:
    return _column(name, _INT32, meaning)


SIGNAL_FIELDS: tuple[pa.Field, ...] = (
    _count("n_chars", "Characters (code points)."),
    _count("n_words", "Words; in unspaced scripts every base character with its marks counts as one."),
    _count("n_lines", "Lines that are not blank."),
    _count("n_paragraphs", "Paragraphs: runs of lines set apart by blank lines."),
    _count("n_sentences", "Sentences: what ends with sentence-final punctuation or a line's end, and has a letter."),
    _column("mean_word_length", _FLOAT, "Characters per word, marks not counted."),
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
    _column("entropy", _FLOAT, "Entropy of the distribution of characters, in bits per character."),
    _ratio("script_ratio", "Letters of the commonest script, of all letters."),
    _ratio("second_script_ratio", "Letters of the second commonest script, of all letters."),
    _column(
        "word_order",
        _FLOAT,
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
    _column("perplexity", _FLOAT, "Perplexity by the KenLM model of its language; null if none. 1 or more."),
)
"""What rules may compare of quality."""

MEASURED_FIELDS = (*SIGNAL_FIELDS, *PERSONAL_FIELDS, *WEB_FIELDS, *CONTAMINATION_FIELDS, *QUALITY_FIELDS)
"""All that rules may compare, whichever table it stands in."""

SIGNALS = Table(
    name="signals",
    row="one document with status ok, in the order of its documents file",
    schema=pa.schema(
        [
            _DOC_ID,
            _column("language", _STRING, "The likeliest language with its script, such as zho_Hans, however unsure."),
            _column("language_score", _FLOAT, "How sure that language is. 0..1."),
            _column(
                "languages",
                pa.list_(pa.struct([("language", pa.string()), ("share", pa.float32())])),
                "Languages of the paragraphs, with their shares of the characters, largest first.",
            ),
            *SIGNAL_FIELDS,
            _column("text_hash", pa.binary(16), "Hash of the text, white space apart: equal for exact duplicates."),
            _column("signature", pa.binary(4 * PERMUTATIONS), "MinHash values: affine32 scheme, little-endian uint32."),
        ]
    ),
)

PERSONAL = Table(
    name="personal",
    row="one document with status ok, in the order of its signals file",
    schema=pa.schema(
        [
            _DOC_ID,
            *PERSONAL_FIELDS,
            _column(
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
            _DOC_ID,
            *WEB_FIELDS,
            _column("host", _STRING, "Host name of the URL, in lower case and punycode."),
            _column("site", _STRING, "Registrable domain of the host, by the public suffix list; null if it has none."),
            _column(
                "blocklists_hit",
                pa.list_(_STRING),
                "Blocklists that name the host or URL; with category, as ut1:adult, if the list has any.",
            ),
            _column(
                "opt_outs_found",
                pa.list_(_STRING),
                "The record's own opt_outs, whether they count or not, and its site's, such as robots:GPTBot.",
            ),
            _column("page_licence", _STRING, "Licence that the page states, such as CC-BY-4.0."),
        ]
    ),
)

CONTAMINATION = Table(
    name="contamination",
    row="one document with status ok, in the order of its signals file",
    schema=pa.schema(
        [
            _DOC_ID,
            *CONTAMINATION_FIELDS,
            _column(
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
            _column("set", _STRING, "Name of the set in the recipe."),
            _column("item", _STRING, "The item's own id, or else its place: row number from 0, dotted where nested."),
            _column("field", _STRING, "Field of the item that holds the text."),
            _column("text", _STRING, "Beginning of the text."),
            _count("words", "Words of the text, without what nearly all texts of the field begin or end with."),
            _column(
                "match",
                _STRING,
                "aligned: found where enough of its words stand in order; exact: found where all do; none: too short "
                "or too common to be told, and not looked for.",
            ),
            _count("passage", "Number of the text among different ones: texts with equal words share it."),
            _column("tokens", pa.list_(pa.uint32()), "Hashes of the words; in the first row of a passage only."),
            _column("telling", pa.list_(pa.uint8()), "Letters of each word that is neither number nor stop word."),
            _column("seeds", pa.list_(pa.uint64()), "Hashes of the runs of words that give the passage away."),
            _column("seed_places", pa.list_(_INT32), "Word that each of these begins with."),
        ]
    ),
)

QUALITY = Table(
    name="quality",
    row="one document with status ok, in the order of its signals file",
    schema=pa.schema(
        [
            _DOC_ID,
            *QUALITY_FIELDS,
            _column("likely_domain", _STRING, "The domain that the text is most like, of those that inputs declare."),
            _column("likely_domain_score", _FLOAT, "How sure that domain is. 0..1."),
        ]
    ),
)

QUALITY_SAMPLE = Table(
    name="quality_sample",
    row="one document that a classifier of quality or domains may be trained on",
    schema=pa.schema(
        [
            _column("language", _STRING, "The likeliest language with its script, such as zho_Hans."),
            _column("role", _STRING, "raw or reference, as in the recipe."),
            _DOMAIN,
            _column("hash", pa.uint64(), "Place in the sample, by hash of seed and text: equal for equal texts."),
            _column("text", _STRING, "What is looked at of the text: all of it, or three windows of a long one."),
        ]
    ),
)

QUALITY_REPORT = Table(
    name="quality_report",
    row="one language, and what a classifier of quality, or of domains, is worth there, or why there is none",
    schema=pa.schema(
        [
            _column("kind", _STRING, "quality or domain."),
            _column("language", _STRING, "The likeliest language with its script, such as zho_Hans."),
            _column("model", _STRING, "The classifier: that of the language, or of its script; null if there is none."),
            _column("reason", _STRING, "Why there is no classifier."),
            _column(
                "classes",
                pa.list_(
                    pa.struct(
                        [("name", pa.string()), ("documents", pa.int64()), ("words", pa.int64()), ("used", pa.int64())]
                    )
                ),
                "Classes: documents of 50 words or more, their words, and documents trained on.",
            ),
            _column("auc", _DOUBLE, "Chance that reference text scores above raw text; of quality, held out. 0..1."),
            _column("accuracy", _DOUBLE, "Documents whose domain is the declared one; of domains, held out. 0..1."),
            _column("calibration_error", _DOUBLE, "How far probabilities are from shares, on average, held out. 0..1."),
            _column(
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
            _column("language", _STRING, "The likeliest language with its script, such as zho_Hans."),
            _DOMAIN,
            _column("likely_domain", _STRING, "What the classifier says."),
            _column("documents", _INT64, "Documents, held out, of which both is true."),
        ]
    ),
)

MEASURES: tuple[Table, ...] = (PERSONAL, WEB, CONTAMINATION, QUALITY)
"""Tables beside the signals, each aligned with them row by row; a run writes those that its recipe asks for."""

VERDICTS = Table(
    name="verdicts",
    row="one document with status ok, in the order of its signals file",
    schema=pa.schema(
        [
            _DOC_ID,
            _LANGUAGE,
            _column("keep", _BOOL, "Whether no rule failed."),
            _column(
                "failures",
                pa.list_(pa.struct([("rule", pa.string()), ("value", pa.float64()), ("limit", pa.float64())])),
                "Every rule that failed, with the value found and the limit for the document's language.",
            ),
        ]
    ),
)

_EARLIER = _column(
    "earlier", _STRING, "The earlier output, as the recipe names it, that holds the survivor; null if this one does."
)

CLUSTERS = Table(
    name="clusters",
    row="one document of a cluster of two or more",
    schema=pa.schema(
        [
            _DOC_ID,
            _column("cluster", _STRING, "Name of the cluster: the smallest id of its documents here."),
            _column("survivor_id", _STRING, "The document of the cluster that is kept."),
            _EARLIER,
            _column("size", _INT32, "Documents in the cluster, those of earlier outputs not counted."),
            _column(
                "kind",
                _STRING,
                "survivor, url (older capture of the page), exact (same text, white space apart) or near (MinHash).",
            ),
            _column("similarity", _FLOAT, "Estimated Jaccard similarity to the survivor. 0..1."),
        ]
    ),
)

PASSAGES = Table(
    name="passages",
    row="one document with repeated passages, of those that neither a rule dropped nor a better copy replaced",
    schema=pa.schema(
        [
            _DOC_ID,
            _column(
                "spans",
                pa.list_(
                    pa.struct(
                        [
                            ("kind", pa.string()),
                            ("start", pa.int32()),
                            ("end", pa.int32()),
                            ("documents", pa.int64()),
                            ("share", pa.float32()),
                        ]
                    )
                ),
                "Repeated passages: kind (line; paragraph: several in a row; copied), place in the text in code "
                "points, documents that have it, and their share: of the documents of its site or input in its "
                "language; of all in its language, if that is where it recurs; of all there are, if it is copied.",
            ),
        ]
    ),
)

CURATED = Table(
    name="curated",
    row="one document that is kept, partitioned by language",
    schema=pa.schema(
        [
            _DOC_ID,
            _SOURCE,
            _DOMAIN,
            _LICENCE,
            _URI,
            _TITLE,
            _DATE,
            _column("quality", _FLOAT, "The quality score, where there is one. 0..1."),
            _column("cluster_size", _INT32, "Documents that this one stands for, itself included."),
            _column("text", _STRING, "The text."),
        ]
    ),
)

LEDGER = Table(
    name="ledger",
    row="one record of an input file: what became of it and why",
    schema=pa.schema(
        [
            _DOC_ID,
            _SOURCE,
            _URI,
            _LANGUAGE,
            _column("bytes", _INT64, "Size of the record's payload in bytes, as found."),
            _column("stage", _STRING, "Stage that decided: ingest, decide, dedup or curate (for kept)."),
            _column("disposition", _STRING, "kept, dropped, duplicate, skipped or unreadable."),
            _column(
                "rule",
                _STRING,
                "The rule that decided, the first where several failed; for a duplicate, its kind.",
            ),
            _column("value", _DOUBLE, "The value that the rule found."),
            _column("limit", _DOUBLE, "The limit that the rule compared it with."),
            _column("survivor_id", _STRING, "For a duplicate, the document kept in its place."),
            _EARLIER,
            _column("similarity", _FLOAT, "For a duplicate, its estimated similarity to the survivor. 0..1."),
            _column("detail", _STRING, "What was found, in words, where the reason is not a number."),
        ]
    ),
)

SAMPLE = Table(
    name="sample",
    row="one piece of a curated document that a tokenizer may be trained on",
    schema=pa.schema(
        [
            _column("hash", pa.uint64(), "Place of the piece in the sample, by hash of seed, document and number."),
            _LANGUAGE,
            _DOMAIN,
            _SOURCE,
            _column("text", _STRING, "The piece: about 4000 bytes, between line breaks or spaces."),
        ]
    ),
)

SAMPLE_REPORT = Table(
    name="sample_report",
    row="one group of curated documents, a language, domain and source, and what of it the tokenizer was trained on",
    schema=pa.schema(
        [
            _LANGUAGE,
            _DOMAIN,
            _SOURCE,
            _column("bytes", _INT64, "Bytes of curated text."),
            _column("quota", _INT64, "Bytes that the sample was to hold."),
            _column("sample_bytes", _INT64, "Bytes that the sample holds."),
            _column("pieces", _INT64, "Pieces that the sample holds."),
        ]
    ),
)

TOKENIZER_REPORT = Table(
    name="tokenizer_report",
    row="one language of the curated text, measured on the sample",
    schema=pa.schema(
        [
            _LANGUAGE,
            _column("bytes", _INT64, "Bytes of curated text."),
            _column("quota", _INT64, "Bytes that the sample was to hold."),
            _column("sample_bytes", _INT64, "Bytes that the sample holds."),
            _column("pieces", _INT64, "Pieces that the sample holds."),
            _column("tokens", _INT64, "Tokens that the sample's text comes to."),
            _column("bytes_per_token", _DOUBLE, "UTF-8 bytes per token."),
            _column("characters_per_token", _DOUBLE, "Characters per token; comparable between scripts."),
            _column("fertility", _DOUBLE, "Tokens per word set apart by spaces; of no use for unspaced scripts."),
            _column("coverage", _DOUBLE, "Characters that are in tokens, of all; the rest is spelt in bytes. 0..1."),
            _column("byte_ratio", _DOUBLE, "Tokens that spell single bytes, of all tokens. 0..1."),
            _column("parity", _DOUBLE, "Tokens per character beside those of the whole sample; 1 is as the mean."),
            _column("cost", _DOUBLE, "Tokens per character beside those of English; null where there is none."),
        ]
    ),
)

MIXTURE = Table(
    name="mixture",
    row="one group of curated documents: a language, domain and source",
    schema=pa.schema(
        [
            _LANGUAGE,
            _DOMAIN,
            _SOURCE,
            _column("documents", _INT64, "Curated documents."),
            _column("bytes", _INT64, "Bytes of their text."),
            _column("weight", _DOUBLE, "What the recipe's weights for language, domain and source multiply to."),
            _column("asked", _DOUBLE, "Share of the mixed text that the recipe asks for, whatever max_epochs. 0..1."),
            _column("share", _DOUBLE, "Share of the mixed text, by bytes, that max_epochs allows. 0..1."),
            _column("rate", _DOUBLE, "Copies of each document, on average, for that share: epochs over the group."),
            _column("mixed_documents", _INT64, "Documents in the shards, copies counted."),
            _column("mixed_bytes", _INT64, "Bytes of their text."),
            _column("mixed_tokens", _INT64, "Tokens that they came to, the end of each document included."),
        ]
    ),
)

TOKENS = Table(
    name="tokens",
    row="one copy of a curated document as tokens, in the order of the shuffle",
    schema=pa.schema(
        [
            _DOC_ID,
            _SOURCE,
            _DOMAIN,
            _LANGUAGE,
            _column("quality", _FLOAT, "The quality score of curated text, where there is one. 0..1."),
            _column("copy", _INT32, "Number of the copy, from 0, where the mixture repeats the document."),
            _column("order", pa.uint64(), "Place in the shuffle, by hash of seed, document and copy."),
            _column("tokens", _numbers(pa.uint32()), "Token ids, the end-of-document token last.").with_nullable(False),
        ]
    ),
)


REMOVED = Table(
    name="removed",
    row="one document that was taken out of a finished output, or a copy of one, and is kept out of it",
    schema=pa.schema(
        [
            _DOC_ID,
            _column("copy_of", _STRING, "The removed document that it is a copy of; null where it was named itself."),
            _column("bytes", _INT64, "Bytes of curated text that were taken out; 0 if it was not there."),
            _column("tokens", _INT64, "Tokens that were taken out of the shards, copies counted."),
            _column("files", pa.list_(_STRING), "Files that were written anew without it, below the output folder."),
        ]
    ),
)


def shards(*, sequence_length: int, vocabulary_size: int) -> Table:
    """The shard table for sequences of a length and a vocabulary of a size.

    Tokens are uint16 where the vocabulary allows it, uint32 elsewhere: half the bytes to read in training.
    """
    token = pa.uint16() if vocabulary_size <= 1 << 16 else pa.uint32()
    tokens, numbers = _numbers(token, sequence_length), _numbers(_INT32)
    strings, scores = (pa.list_(pa.field("element", kind)) for kind in (_STRING, _FLOAT))
    per_piece = "for every piece of a document in the sequence"
    return Table(
        name="shards",
        row="one training sequence",
        schema=pa.schema(
            [
                _column("tokens", tokens, "Token ids; free slots at the end hold padding.").with_nullable(False),
                _column("doc_lens", numbers, f"Tokens, {per_piece}; in sum the filled part.").with_nullable(False),
                _column("doc_ids", strings, f"Document id, {per_piece}."),
                _column("doc_offsets", numbers, f"Index of its first token in the document, {per_piece}."),
                _column("languages", strings, f"Language, {per_piece}."),
                _column("domains", strings, f"Domain, {per_piece}."),
                _column("sources", strings, f"Recipe input, {per_piece}."),
                _column("qualities", scores, f"Quality score, {per_piece}; null where it has none. 0..1."),
            ]
        ),
    )


TABLES: tuple[Table, ...] = (
    DOCUMENTS,
    SITE_FILES,
    SIGNALS,
    *MEASURES,
    QUALITY_SAMPLE,
    QUALITY_REPORT,
    DOMAIN_REPORT,
    EVALUATION_ITEMS,
    VERDICTS,
    CLUSTERS,
    PASSAGES,
    CURATED,
    LEDGER,
    SAMPLE,
    SAMPLE_REPORT,
    TOKENIZER_REPORT,
    MIXTURE,
    TOKENS,
    REMOVED,
    shards(sequence_length=2048, vocabulary_size=1 << 15),
)
