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
_LICENCE = _column("licence", _STRING, "Licence that the recipe gives the input.")
_URI = _column("uri", _STRING, "Where the record came from: its URL, or the file and the place in it.")
_LANGUAGE = _column("language", _STRING, "ISO 639-3 language and ISO 15924 script, such as zho_Hans; und if unsure.")
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
            _column("text", _STRING, "Extracted and repaired text; empty where the record has none."),
            _column("status", _STRING, "ok, skipped (no document by nature) or unreadable (damaged)."),
            _column("rule", _STRING, "Why the record was skipped or is unreadable, such as warc.request."),
            _column("detail", _STRING, "What was found, in words, such as the media type or the error."),
        ]
    ),
)


def _ratio(name: str, meaning: str) -> pa.Field:
    return _column(name, _FLOAT, meaning + " 0..1.")


def _count(name: str, meaning: str) -> pa.Field:
    return _column(name, _INT32, meaning)


SIGNAL_FIELDS: tuple[pa.Field, ...] = (
    _count("n_chars", "Characters (code points)."),
    _count("n_words", "Words; in unspaced scripts every base character with its marks counts as one."),
    _count("n_lines", "Lines that are not blank."),
    _count("n_paragraphs", "Paragraphs: runs of lines set apart by blank lines."),
    _column("mean_word_length", _FLOAT, "Characters per word, marks not counted."),
    _count("max_word_length", "Characters of the longest word."),
    _ratio("alpha_word_ratio", "Words with at least one letter, of all words."),
    _ratio("symbol_word_ratio", "Hash signs and ellipses, per word."),
    _ratio("letter_ratio", "Letters and marks, of all characters that are not spaces."),
    _ratio("digit_ratio", "Digits, of all characters that are not spaces."),
    _ratio("upper_ratio", "Upper-case letters, of all letters."),
    _ratio("replacement_ratio", "U+FFFD, private-use and unassigned characters, of all that are not spaces."),
    _ratio("bullet_line_ratio", "Lines that begin with a bullet."),
    _ratio("ellipsis_line_ratio", "Lines that end with an ellipsis."),
    _ratio("terminal_line_ratio", "Lines that end with sentence-final punctuation of any script."),
    _ratio("short_line_ratio", "Lines of at most 30 characters (10 in unspaced scripts)."),
    _ratio("newline_word_ratio", "Line breaks per word."),
    _count("stop_words", "Words on the language's stop-word list, repeats counted."),
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
)
"""The signals that rules may compare, in column order."""

SIGNALS = Table(
    name="signals",
    row="one document with status ok, in the order of its documents file",
    schema=pa.schema(
        [
            _DOC_ID,
            _LANGUAGE,
            _column("language_score", _FLOAT, "Probability that the language model gives its label. 0..1."),
            *SIGNAL_FIELDS,
            _column("text_hash", pa.binary(16), "Hash of the text, white space apart: equal for exact duplicates."),
            _column("signature", pa.binary(4 * PERMUTATIONS), "MinHash values: affine32 scheme, little-endian uint32."),
        ]
    ),
)

VERDICTS = Table(
    name="verdicts",
    row="one document with status ok, in the order of its signals file",
    schema=pa.schema(
        [
            _DOC_ID,
            _column("keep", _BOOL, "Whether no rule failed."),
            _column(
                "failures",
                pa.list_(pa.struct([("rule", pa.string()), ("value", pa.float64()), ("limit", pa.float64())])),
                "Every rule that failed, with the value found and the limit for the document's language.",
            ),
        ]
    ),
)

CLUSTERS = Table(
    name="clusters",
    row="one document of a cluster of two or more",
    schema=pa.schema(
        [
            _DOC_ID,
            _column("survivor_id", _STRING, "The document of the cluster that is kept."),
            _column("size", _INT32, "Documents in the cluster."),
            _column("kind", _STRING, "survivor, exact (same text, white space apart) or near (MinHash)."),
            _column("similarity", _FLOAT, "Estimated Jaccard similarity to the survivor. 0..1."),
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
            _column("rule", _STRING, "The rule that decided; the first of them, where several failed."),
            _column("value", _DOUBLE, "The value that the rule found."),
            _column("limit", _DOUBLE, "The limit that the rule compared it with."),
            _column("survivor_id", _STRING, "For a duplicate, the document kept in its place."),
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
            _column("text", _STRING, "The piece: about 4000 bytes, between line breaks or spaces."),
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
            _column("byte_ratio", _DOUBLE, "Tokens that spell single bytes, of all tokens. 0..1."),
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
            _column("rate", _DOUBLE, "Copies of each document in the shards, on average: epochs over the group."),
            _column("share", _DOUBLE, "Share of the mixed text, by bytes. 0..1."),
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
            _column("copy", _INT32, "Number of the copy, from 0, where the mixture repeats the document."),
            _column("order", pa.uint64(), "Place in the shuffle, by hash of seed, document and copy."),
            _column("tokens", pa.list_(pa.uint32()), "Token ids, the end-of-document token last."),
        ]
    ),
)


def shards(*, sequence_length: int, vocabulary_size: int) -> Table:
    """The shard table for sequences of a length and a vocabulary of a size.

    Tokens are uint16 where the vocabulary allows it, uint32 elsewhere: half the bytes to read in training.
    """
    token = pa.uint16() if vocabulary_size <= 1 << 16 else pa.uint32()
    per_piece = "for every piece of a document in the sequence"
    return Table(
        name="shards",
        row="one training sequence",
        schema=pa.schema(
            [
                _column("tokens", pa.list_(token, sequence_length), "Token ids; free slots at the end hold padding."),
                _column("doc_lens", pa.list_(_INT32), f"Tokens, {per_piece}; their sum is the filled part."),
                _column("doc_ids", pa.list_(_STRING), f"Document id, {per_piece}."),
                _column("doc_offsets", pa.list_(_INT32), f"Index of its first token in the document, {per_piece}."),
                _column("languages", pa.list_(_STRING), f"Language, {per_piece}."),
                _column("domains", pa.list_(_STRING), f"Domain, {per_piece}."),
                _column("sources", pa.list_(_STRING), f"Recipe input, {per_piece}."),
            ]
        ),
    )


TABLES: tuple[Table, ...] = (
    DOCUMENTS,
    SIGNALS,
    VERDICTS,
    CLUSTERS,
    CURATED,
    LEDGER,
    SAMPLE,
    TOKENIZER_REPORT,
    MIXTURE,
    TOKENS,
    shards(sequence_length=2048, vocabulary_size=1 << 15),
)
