"""A minimal PDF writer: Helvetica, one column, no compression. Enough to give a PDF reader something to read."""

from __future__ import annotations

import textwrap

LINES_PER_PAGE = 12  # few, so that even a short text runs over a page break


def _literal(line: str) -> str:
    # cp1252 is what WinAnsiEncoding means; everything outside ASCII goes in as an octal escape.
    out = []
    for byte in line.encode("cp1252"):
        char = chr(byte)
        out.append(f"\\{char}" if char in "()\\" else char if 32 <= byte < 127 else f"\\{byte:03o}")
    return f"({''.join(out)})"


def _content(lines: list[str]) -> bytes:
    shown = "".join(f"{_literal(line)} Tj T*\n" for line in lines)
    return f"BT /F1 11 Tf 15 TL 64 760 Td\n{shown}ET\n".encode("ascii")


def write(title: str, paragraphs: tuple[str, ...]) -> bytes:
    lines = [title, ""]
    for paragraph in paragraphs:
        lines += [*textwrap.wrap(paragraph, 84), ""]
    pages = [lines[i : i + LINES_PER_PAGE] for i in range(0, len(lines), LINES_PER_PAGE)]
    # Objects: 1 catalogue, 2 page tree, 3 font, 4 information, then a page and its content in turn.
    kids = " ".join(f"{5 + 2 * i} 0 R" for i in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /Lang (en) >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        f"<< /Title {_literal(title)} /CreationDate (D:20240506040000Z) >>".encode(),
    ]
    for i, page in enumerate(pages):
        content = _content(page)
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] "
            b"/Resources << /Font << /F1 3 0 R >> >> /Contents %d 0 R >>" % (6 + 2 * i)
        )
        objects.append(b"<< /Length %d >>\nstream\n%sendstream" % (len(content), content))
    return _assemble(objects)


def _assemble(objects: list[bytes]) -> bytes:
    out = bytearray(b"%PDF-1.4\n")
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<< /Size %d /Root 1 0 R /Info 4 0 R >>\n" % (len(objects) + 1)
    out += b"startxref\n%d\n%%%%EOF\n" % table
    return bytes(out)
