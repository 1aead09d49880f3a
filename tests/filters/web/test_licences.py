"""Licences that pages state."""

import tomllib
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.filters.web.licences import Stated, of_link_header, of_page, of_statement

CC = "https://creativecommons.org/licenses"


@pytest.mark.parametrize(
    ("statement", "licence"),
    [
        (f"{CC}/by/4.0/", "CC-BY-4.0"),
        (f"{CC}/by-sa/3.0/de/deed.de", "CC-BY-SA-3.0"),
        ("//creativecommons.org/licenses/by-nd-nc/1.0", "CC-BY-NC-ND-1.0"),
        ("http://www.CreativeCommons.org/Licenses/BY-NC/2.5/", "CC-BY-NC-2.5"),
        (f"{CC}/by/4.0?ref=chooser-v1", "CC-BY-4.0"),
        (f"{CC}/by-nc-sa/4.0/legalcode", "CC-BY-NC-SA-4.0"),
        (f"{CC}/by/", "CC-BY"),
        (f"{CC}/nc-sa/1.0/", "CC-NC-SA-1.0"),
        (f"{CC}/by-nd-sa/4.0/", None),
        (f"{CC}/", None),
        (f"{CC}/GPL/2.0/", None),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0"),
        ("https://creativecommons.org/publicdomain/mark/1.0/", "public-domain"),
        (f"{CC}/publicdomain/", "public-domain"),
        ("https://creativecommons.org/about/", None),
        (f"https://social.example/share?url={CC}/by/4.0/", None),
        (f"This work is under {CC}/by/4.0/.", "CC-BY-4.0"),
        ("CC BY-SA 4.0", "CC-BY-SA-4.0"),
        ("cc-by-nc-nd", "CC-BY-NC-ND"),
        ("(CC-BY 3.0)", "CC-BY-3.0"),
        ("CC0", "CC0-1.0"),
        ("Creative Commons Attribution 4.0 International", "CC-BY-4.0"),
        ("Creative Commons Attribution-NonCommercial-ShareAlike 3.0 Unported", "CC-BY-NC-SA-3.0"),
        ("Creative Commons - Attribution, No Derivatives", "CC-BY-ND"),
        ("Public Domain", "public-domain"),
        ("MIT License", "MIT"),
        ("https://www.gnu.org/licenses/fdl-1.3.en.html", "GFDL-1.3"),
        ("https://www.gnu.org/copyleft/fdl.html", "GFDL-1.3"),
        ("http://www.apache.org/licenses/LICENSE-2.0.txt", "Apache-2.0"),
        ("https://opensource.org/licenses/MIT", "MIT"),
        ("https://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/", "OGL-UK-3.0"),
        ("© 2020 Example. All rights reserved.", None),
        ("https://example.com/terms", None),
        ("/licence", None),
        ("accept by 4.0", None),
        ("", None),
    ],
)
def test_statements(statement: str, licence: str | None) -> None:
    assert of_statement(statement) == licence


@pytest.mark.parametrize(
    ("stated", "licence"),
    [
        (Stated(), None),
        (Stated(declared=["CC BY 4.0"], described=["CC0"], linked=["CC BY-NC 4.0"]), "CC-BY-4.0"),
        (Stated(declared=["/terms"], described=["CC0"], linked=["CC BY-NC 4.0"]), "CC0-1.0"),
        (Stated(linked=["CC BY 4.0"]), "CC-BY-4.0"),
        (Stated(declared=["CC BY 4.0", "CC BY-NC 3.0"]), "CC-BY-NC-3.0"),
        (Stated(declared=["CC BY-NC 3.0", "CC BY-ND 4.0"]), "CC-BY-ND-4.0"),
        (Stated(declared=["CC0", "CC BY 4.0", "Public Domain"]), "CC-BY-4.0"),
    ],
)
def test_the_strongest_kind_decides(stated: Stated, licence: str | None) -> None:
    assert of_page(stated) == licence
    reverse = Stated(*(list(reversed(list(each))) for each in stated))
    assert of_page(reverse) == licence


@pytest.mark.parametrize(
    ("value", "urls"),
    [
        (f'<{CC}/by/4.0/>; rel="license"', [f"{CC}/by/4.0/"]),
        (f'</a>; rel="next", <{CC}/by/4.0/>; title="x"; rel="license noopener"', [f"{CC}/by/4.0/"]),
        ("</a>; rel=licence", ["/a"]),
        ('</license>; rel="next"', []),
        ("<" * 100_000, []),
    ],
)
def test_link_header(value: str, urls: list[str]) -> None:
    assert of_link_header(value) == urls


def test_every_spelling_of_the_table_is_read() -> None:
    table = tomllib.loads(resources.files("gristmill.filters.web").joinpath("licences.toml").read_text("utf-8"))
    for licence, addresses in table["urls"].items():
        for address in addresses:
            assert of_statement(f"https://www.{address}") == licence
            assert of_statement(f"HTTP://{address}/?x#y") == licence
    for licence, names in table["names"].items():
        assert [of_statement(name.title()) for name in names] == [licence] * len(names)


@given(st.text(max_size=300))
def test_any_text(text: str) -> None:
    for each in (text, f"{CC}/{text}", f"cc {text}", f"creative commons {text}"):
        found = of_statement(each)
        assert found is None or found.isascii()


def test_megabytes_take_no_time() -> None:
    assert of_statement("creative commons " * 100_000) is None
    assert of_statement(f"{CC}/" + "by-" * 1_000_000) is None
