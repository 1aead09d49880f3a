"""What every table looks like: column names, Arrow types and meaning. `docs/tables.md` is generated from here."""

import pyarrow as pa

from gristmill.schemas.columns import (
    BOOL,
    DATE,
    DOC_ID,
    DOMAIN,
    DOUBLE,
    FLOAT,
    INT32,
    INT64,
    LANGUAGE,
    LICENCE,
    SOURCE,
    STRING,
    TITLE,
    URI,
    Table,
    column,
)
from gristmill.schemas.measures import (
    DOMAIN_REPORT,
    EVALUATION_ITEMS,
    MEASURES,
    QUALITY_REPORT,
    QUALITY_SAMPLE,
    SIGNALS,
)

DOCUMENTS = Table(
    name="documents",
    row="one record of an input file, whatever became of it",
    schema=pa.schema(
        [
            DOC_ID,
            SOURCE,
            DOMAIN,
            LICENCE,
            column("role", STRING, "raw (to be curated) or reference (known good text, never curated)."),
            column("path", STRING, "The input file, relative to the recipe's folder."),
            column("offset", INT64, "Place in the file: byte offset (of the compressed member), or row number."),
            URI,
            column("canonical", STRING, "The canonical URL that a page names, where it is another one."),
            column("bytes", INT64, "Size of the record's payload in bytes, as found."),
            column("media_type", STRING, "Media type of the payload, such as text/html."),
            column("encoding", STRING, "Character encoding the payload was decoded from."),
            TITLE,
            DATE,
            column(
                "captured",
                STRING,
                "Date of capture, where the record states one: ISO 8601 in UTC, so that text sorts as time.",
            ),
            column("text", STRING, "Extracted and repaired text; empty where the record has none."),
            column(
                "opt_outs",
                pa.list_(STRING),
                "Robots directives and TDM reservations that the record itself carries, such as meta:noai, "
                "header:noindex or meta:tdm; null where it can carry none.",
            ),
            column("page_licence", STRING, "Licence that the page states, such as CC-BY-4.0."),
            column("status", STRING, "ok, skipped (no document by nature) or unreadable (damaged)."),
            column("rule", STRING, "Why the record was skipped or is unreadable, such as warc.request."),
            column("detail", STRING, "What was found, in words, such as the media type or the error."),
        ]
    ),
)

SITE_FILES = Table(
    name="site_files",
    row="a robots.txt or TDM file that an archive holds: it speaks for all documents of its host",
    schema=pa.schema(
        [
            column("uri", STRING, "Its URL."),
            column("file", STRING, "robots.txt or tdmrep.json."),
            DATE,
            column("text", STRING, "Its text, the first 500 KiB."),
        ]
    ),
)


def _numbers(kind: pa.DataType, length: int = -1) -> pa.DataType:
    """A list of numbers of which none is null: a reader has half the work on levels of nesting."""
    return pa.list_(pa.field("element", kind, nullable=False), length)


VERDICTS = Table(
    name="verdicts",
    row="one document with status ok, in the order of its signals file",
    schema=pa.schema(
        [
            DOC_ID,
            LANGUAGE,
            column("keep", BOOL, "Whether no rule failed."),
            column(
                "failures",
                pa.list_(pa.struct([("rule", pa.string()), ("value", pa.float64()), ("limit", pa.float64())])),
                "Every rule that failed, with the value found and the limit for the document's language.",
            ),
        ]
    ),
)

_EARLIER = column(
    "earlier", STRING, "The earlier output, as the recipe names it, that holds the survivor; null if this one does."
)

CLUSTERS = Table(
    name="clusters",
    row="one document of a cluster of two or more",
    schema=pa.schema(
        [
            DOC_ID,
            column("cluster", STRING, "Name of the cluster: the smallest id of its documents here."),
            column("survivor_id", STRING, "The document of the cluster that is kept."),
            _EARLIER,
            column("size", INT32, "Documents in the cluster, those of earlier outputs not counted."),
            column(
                "kind",
                STRING,
                "survivor, url (older capture of the page), exact (same text, white space apart) or near (MinHash).",
            ),
            column("similarity", FLOAT, "Estimated Jaccard similarity to the survivor. 0..1."),
        ]
    ),
)

PASSAGES = Table(
    name="passages",
    row="one document with repeated passages, of those that neither a rule dropped nor a better copy replaced",
    schema=pa.schema(
        [
            DOC_ID,
            column(
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
            DOC_ID,
            SOURCE,
            DOMAIN,
            LICENCE,
            URI,
            TITLE,
            DATE,
            column("quality", FLOAT, "The quality score, where there is one. 0..1."),
            column("cluster_size", INT32, "Documents that this one stands for, itself included."),
            column("text", STRING, "The text."),
        ]
    ),
)

HELD_OUT = Table(
    name="held_out",
    row="one document that is kept, and held out: in curated text, tokenizer, mixture and shards it has no part",
    schema=pa.schema(
        [
            DOC_ID,
            column(
                "cluster",
                STRING,
                "What it was chosen by: the name of its cluster, or its own id where it is in none.",
            ),
            LANGUAGE,
            DOMAIN,
            SOURCE,
            column("quality", FLOAT, "The quality score, where there is one. 0..1."),
            column("text", STRING, "The text, edited as curated text is."),
        ]
    ),
)

LEDGER = Table(
    name="ledger",
    row="one record of an input file: what became of it and why",
    schema=pa.schema(
        [
            DOC_ID,
            SOURCE,
            URI,
            LANGUAGE,
            column("bytes", INT64, "Size of the record's payload in bytes, as found."),
            column("stage", STRING, "Stage that decided: ingest, decide, dedup or curate (for kept)."),
            column("disposition", STRING, "kept, dropped, duplicate, skipped or unreadable."),
            column(
                "rule",
                STRING,
                "The rule that decided, the first where several failed; for a duplicate, its kind.",
            ),
            column("value", DOUBLE, "The value that the rule found."),
            column("limit", DOUBLE, "The limit that the rule compared it with."),
            column("survivor_id", STRING, "For a duplicate, the document kept in its place."),
            _EARLIER,
            column("similarity", FLOAT, "For a duplicate, its estimated similarity to the survivor. 0..1."),
            column("detail", STRING, "What was found, in words, where the reason is not a number."),
        ]
    ),
)

SAMPLE = Table(
    name="sample",
    row="one piece of a curated document that a tokenizer may be trained on",
    schema=pa.schema(
        [
            column("hash", pa.uint64(), "Place of the piece in the sample, by hash of seed, document and number."),
            LANGUAGE,
            DOMAIN,
            SOURCE,
            column("text", STRING, "The piece: about 4000 bytes, between line breaks or spaces."),
        ]
    ),
)

SAMPLE_REPORT = Table(
    name="sample_report",
    row="one group of curated documents, a language, domain and source, and what of it the tokenizer was trained on",
    schema=pa.schema(
        [
            LANGUAGE,
            DOMAIN,
            SOURCE,
            column("bytes", INT64, "Bytes of curated text."),
            column("quota", INT64, "Bytes that the sample was to hold."),
            column("sample_bytes", INT64, "Bytes that the sample holds."),
            column("pieces", INT64, "Pieces that the sample holds."),
        ]
    ),
)

TOKENIZER_REPORT = Table(
    name="tokenizer_report",
    row="one language of the curated text, measured on the sample",
    schema=pa.schema(
        [
            LANGUAGE,
            column("bytes", INT64, "Bytes of curated text."),
            column("quota", INT64, "Bytes that the sample was to hold."),
            column("sample_bytes", INT64, "Bytes that the sample holds."),
            column("pieces", INT64, "Pieces that the sample holds."),
            column("tokens", INT64, "Tokens that the sample's text comes to."),
            column("bytes_per_token", DOUBLE, "UTF-8 bytes per token."),
            column("characters_per_token", DOUBLE, "Characters per token; comparable between scripts."),
            column("fertility", DOUBLE, "Tokens per word set apart by spaces; of no use for unspaced scripts."),
            column("coverage", DOUBLE, "Characters that are in tokens, of all; the rest is spelt in bytes. 0..1."),
            column("byte_ratio", DOUBLE, "Tokens that spell single bytes, of all tokens. 0..1."),
            column("parity", DOUBLE, "Tokens per character beside those of the whole sample; 1 is as the mean."),
            column("cost", DOUBLE, "Tokens per character beside those of English; null where there is none."),
        ]
    ),
)

MIXTURE = Table(
    name="mixture",
    row="one group of curated documents: a language, domain and source",
    schema=pa.schema(
        [
            LANGUAGE,
            DOMAIN,
            SOURCE,
            column("documents", INT64, "Curated documents."),
            column("bytes", INT64, "Bytes of their text."),
            column("weight", DOUBLE, "What the recipe's weights for language, domain and source multiply to."),
            column("asked", DOUBLE, "Share of the mixed text that the recipe asks for, whatever max_epochs. 0..1."),
            column("share", DOUBLE, "Share of the mixed text, by bytes, that max_epochs allows. 0..1."),
            column("rate", DOUBLE, "Copies of each document, on average, for that share: epochs over the group."),
            column("mixed_documents", INT64, "Documents in the shards, copies counted."),
            column("mixed_bytes", INT64, "Bytes of their text."),
            column("mixed_tokens", INT64, "Tokens that they came to, the end of each document included."),
        ]
    ),
)

TOKENS = Table(
    name="tokens",
    row="one copy of a curated document as tokens, in the order of the shuffle",
    schema=pa.schema(
        [
            DOC_ID,
            SOURCE,
            DOMAIN,
            LANGUAGE,
            column("quality", FLOAT, "The quality score of curated text, where there is one. 0..1."),
            column("copy", INT32, "Number of the copy, from 0, where the mixture repeats the document."),
            column("order", pa.uint64(), "Place in the shuffle, by hash of seed, document and copy."),
            column("tokens", _numbers(pa.uint32()), "Token ids, the end-of-document token last.").with_nullable(False),
        ]
    ),
)


REMOVED = Table(
    name="removed",
    row="one document that was taken out of a finished output, or a copy of one, and is kept out of it",
    schema=pa.schema(
        [
            DOC_ID,
            column("copy_of", STRING, "The removed document that it is a copy of; null where it was named itself."),
            column("bytes", INT64, "Bytes of curated or held-out text that were taken out; 0 if it was not there."),
            column("tokens", INT64, "Tokens that were taken out of the shards, copies counted."),
            column("files", pa.list_(STRING), "Files that were written anew without it, below the output folder."),
        ]
    ),
)


def shards(*, sequence_length: int, vocabulary_size: int) -> Table:
    """The shard table for sequences of a length and a vocabulary of a size.

    Tokens are uint16 where the vocabulary allows it, uint32 elsewhere: half the bytes to read in training.
    """
    token = pa.uint16() if vocabulary_size <= 1 << 16 else pa.uint32()
    tokens, numbers = _numbers(token, sequence_length), _numbers(INT32)
    strings, scores = (pa.list_(pa.field("element", kind)) for kind in (STRING, FLOAT))
    per_piece = "for every piece of a document in the sequence"
    return Table(
        name="shards",
        row="one training sequence",
        schema=pa.schema(
            [
                column("tokens", tokens, "Token ids; free slots at the end hold padding.").with_nullable(False),
                column("doc_lens", numbers, f"Tokens, {per_piece}; in sum the filled part.").with_nullable(False),
                column("doc_ids", strings, f"Document id, {per_piece}."),
                column("doc_offsets", numbers, f"Index of its first token in the document, {per_piece}."),
                column("languages", strings, f"Language, {per_piece}."),
                column("domains", strings, f"Domain, {per_piece}."),
                column("sources", strings, f"Recipe input, {per_piece}."),
                column("qualities", scores, f"Quality score, {per_piece}; null where it has none. 0..1."),
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
    HELD_OUT,
    LEDGER,
    SAMPLE,
    SAMPLE_REPORT,
    TOKENIZER_REPORT,
    MIXTURE,
    TOKENS,
    REMOVED,
    shards(sequence_length=2048, vocabulary_size=1 << 15),
)
