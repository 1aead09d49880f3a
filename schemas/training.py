"""Tables that a training run writes, beside its checkpoints."""

import pyarrow as pa

from gristmill.schemas.columns import BOOL, DOC_ID, DOMAIN, DOUBLE, FLOAT, INT32, INT64, LANGUAGE, STRING, Table, column

STEP = column("step", INT64, "Step of the training run, from 1.")

TRAINING = Table(
    name="training",
    row="one step of a training run",
    schema=pa.schema(
        [
            STEP,
            column("loss", DOUBLE, "Cross-entropy in nats per token."),
            column("gradient", DOUBLE, "Norm of the gradient, before it was clipped."),
            column("load", DOUBLE, "Use of the most used expert of a layer beside the mean; the worst layer's."),
            column("rate", DOUBLE, "Share of the peak learning rate."),
            column("tokens", INT64, "Tokens learnt from in this step."),
            column("skipped", BOOL, "Whether the loss was a spike, and the weights stayed as they were."),
            column("seconds", FLOAT, "What the step took."),
            column("doc_ids", pa.list_(pa.string()), "Documents of the batch, of a spike only."),
        ]
    ),
)

LOSSES = Table(
    name="losses",
    row="one sight of a piece of a document that a training run learnt from, of a share of the sequences",
    schema=pa.schema(
        [
            STEP,
            DOC_ID,
            column("offset", INT32, "Index of the piece's first token in the document."),
            column("tokens", INT32, "Tokens that were predicted."),
            column("loss", FLOAT, "Their mean cross-entropy in nats, before the step learnt from them."),
            column("nearest", STRING, "Of the other languages, the one that uses experts most like this piece."),
            column(
                "doubt", FLOAT, "How much likelier its choices are there; in nats a choice, below 0 if less likely."
            ),
        ]
    ),
)

ROUTING = Table(
    name="routing",
    row="a language and domain's use of an expert over a stretch of steps",
    schema=pa.schema(
        [
            column("step", INT64, "Last step of the stretch."),
            column("layer", INT32, "Number of the decoder's layer, from 0."),
            column("expert", INT32, "Number of the expert in its layer, from 0."),
            LANGUAGE,
            DOMAIN,
            column("tokens", INT64, "Tokens that chose the expert."),
            column("chance", INT64, "The same with the documents' languages and domains dealt out anew among them."),
        ]
    ),
)

TRAINING_TABLES = (TRAINING, LOSSES, ROUTING)
"""Tables of a model's folder."""
