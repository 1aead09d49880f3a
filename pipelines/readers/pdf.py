"""PDF to text, by PDFium."""

from dataclasses import replace

from gristmill.pipelines.readers.records import Record, printable


def with_text(record: Record, *, limit: int) -> Record:
    """The record of a PDF with its text and title; unreadable (`pdf.encrypted`, `pdf.damaged`) where it cannot be read.

    Pages are joined by blank lines. Text beyond `limit` characters makes the record too large.
    """
    import pypdfium2  # noqa: PLC0415 - loads a library of 7 MB that most corpora never need

    try:
        document = pypdfium2.PdfDocument(record.payload)
    except pypdfium2.PdfiumError as error:
        rule = "pdf.encrypted" if "password" in str(error).lower() else "pdf.damaged"
        return _unreadable(record, rule, str(error))
    try:
        pages: list[str] = []
        n_chars = 0
        for index in range(len(document)):
            pages.append(_page_text(document, index))
            n_chars += len(pages[-1])
            if n_chars > limit:
                return _unreadable(record, "too_large", f"text of more than {limit:,} characters")
        title = printable(document.get_metadata_dict().get("Title"))
    except (pypdfium2.PdfiumError, ValueError, MemoryError) as error:
        return _unreadable(record, "pdf.damaged", str(error) or type(error).__name__)
    finally:
        document.close()
    text = "\n\n".join(page for page in pages if page)
    return replace(record, text=text, title=record.title or title)


def _page_text(document: object, index: int) -> str:
    page = document[index]  # type: ignore[index]
    try:
        textpage = page.get_textpage()
        try:
            return str(textpage.get_text_bounded()).replace("\r\n", "\n").replace("\r", "\n").strip()
        finally:
            textpage.close()
    finally:
        page.close()


def _unreadable(record: Record, rule: str, detail: str) -> Record:
    return replace(record, status="unreadable", rule=rule, detail=detail, text=None)
