"""A corpus of faulty tables of a user's own, and the error that each gets. All readers share the contract."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from trainables.data.readers import own

GOOD = "image,patient,Edema,Mass\n0.png,p0,1,0\n1.png,p1,,-1\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    own = tmp_path_factory.mktemp("own")
    for number in range(4):
        Image.new("L", (40, 40), number).save(own / f"{number}.png")
    return own


def rows(head: str, *lines: str) -> bytes:
    return "\n".join([head, *lines, ""]).encode()


CORPUS: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "must be a whole CSV file.*No columns"),
    "blank lines": (b"\n\n\n", "must be a whole CSV file"),
    "head only": (rows("image,patient,Edema"), "must name images, but has none"),
    "no image column": (rows("file,patient,Edema", "0.png,p,1"), "must have the column image of .* but has file"),
    "no patient column": (rows("image,Edema", "0.png,1"), "must have the column patient"),
    "neither": (rows("a,b", "1,2"), "must have the columns image, patient"),
    "semicolons": (rows("image;patient;Edema", "0.png;p;1"), "but has image;patient;Edema"),
    "no labels": (rows("image,patient", "0.png,p"), "one column called label or one column per label, but has none"),
    "both kinds": (rows("image,patient,label,Edema", "0.png,p,a,1"), "but has label, Edema"),
    "a class missing": (rows("image,patient,label", "0.png,p,a", "1.png,q,"), "1.png has none"),
    "one class": (rows("image,patient,label", "0.png,p,a"), "2 to 127 classes, but .* has 1"),
    "a word": (rows("image,patient,Edema", "0.png,p,yes"), "has 'yes' for Edema of image 0.png"),
    "two": (rows("image,patient,Edema", "0.png,p,2"), "has '2' for Edema"),
    "a float": (rows("image,patient,Edema", "0.png,p,0.5"), "has '0.5' for Edema"),
    "NaN in words": (rows("image,patient,Edema", "0.png,p,NaN"), "has 'NaN' for Edema"),
    "a formula": (rows("image,patient,Edema", '0.png,p,"=cmd()"'), "has '=cmd\\(\\)' for Edema"),
    "nobody": (rows("image,patient,Edema", "0.png,,1"), "must have a patient, but 0.png"),
    "a blank patient": (rows("image,patient,Edema", '0.png,"  ",1'), "must have a patient, but 0.png"),
    "twice": (rows("image,patient,Edema", "0.png,p,1", "0.png,q,1"), "lists '0.png' again"),
    "climbing": (rows("image,patient,Edema", "../0.png,p,1"), "must lie inside .* names '../0.png'"),
    "climbing inside": (rows("image,patient,Edema", "a/../../0.png,p,1"), "names 'a/../../0.png'"),
    "absolute": (rows("image,patient,Edema", "/etc/passwd,p,1"), "names '/etc/passwd'"),
    "backslashes": (rows("image,patient,Edema", "..\\0.png,p,1"), "must lie inside"),
    "a null byte": (rows("image,patient,Edema", "0.png\0.jpg,p,1"), "must lie inside|must be a whole CSV"),
    "no image name": (rows("image,patient,Edema", ",p,1"), "must lie inside .* names ''"),
    "a column twice": (rows("image,patient,Edema,Edema", "0.png,p,1,1"), "has 'Edema' again"),
    "a nameless column": (rows("image,patient,,Edema", "0.png,p,1,1"), "column 3 of .* has none"),
    "alike labels": (rows("image,patient,A B,A_B", "0.png,p,1,1"), "has 'A B' and 'A_B'"),
    "signs for a name": (
        rows("image,patient,???", "0.png,p,1"),
        r"letters or digits among them.* has '\?\?\?'",
    ),
    "an endless name": (rows("image,patient," + "x" * 101, "0.png,p,1"), "1 to 100 characters"),
    "a megabyte of names": (
        rows("image,patient," + ",".join(f"label number {n:086d}" for n in range(100)), "0.png,p" + ",1" * 100),
        "at most 4000 characters, but those of .* have 9900",
    ),
    "too many labels": (
        rows("image,patient," + ",".join(f"l{n}" for n in range(128)), "0.png,p" + ",1" * 128),
        "either one column called label or one column per label",
    ),
    "too many values": (rows("image,patient,Edema", "0.png,p,1", "1.png,q,1,1,1"), "must be a whole CSV file"),
    "an open quote": (rows("image,patient,Edema", '0.png,"p,1'), "must be a whole CSV file"),
    "an open quote in a long row": (
        rows("image,patient,Edema", '0.png,"' + "p" * 200),
        r"row 2 has a quote that does not close, .*: '0\.png,\"p{73}'$",  # as much of it as can be looked at
    ),
    "UTF-16": (GOOD.encode("utf-16"), "must be a whole CSV file"),
    "no text at all": (bytes(range(256)) * 4, "must be a whole CSV file|must have the column"),
}


@pytest.mark.parametrize("name", list(CORPUS))
def test_the_error_says_what_is_wrong(name: str, folder: Path) -> None:
    content, reason = CORPUS[name]
    (folder / "mine.csv").write_bytes(content)
    with pytest.raises(ValueError, match=reason):
        own.read(folder / "mine.csv")


@pytest.mark.parametrize(
    "content",
    [GOOD.encode(), codecs.BOM_UTF8 + GOOD.encode(), GOOD.replace("\n", "\r\n").encode(), GOOD.rstrip().encode()],
    ids=["plain", "byte-order mark", "Windows", "no last line end"],
)
def test_what_is_only_odd_is_read(content: bytes, folder: Path) -> None:
    (folder / "mine.csv").write_bytes(content)
    listing = own.read(folder / "mine.csv")
    assert listing.label_names == ("Edema", "Mass")
    assert [labels.tolist() for labels in listing.rows["labels"]] == [[1, 0], [-2, -1]]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.one_of(
        st.binary(max_size=200),
        st.text(alphabet='image,patient\n\r"01-.Edpng \0', max_size=200).map(str.encode),
        st.text(max_size=80).map(lambda tail: GOOD.encode() + tail.encode("utf-8", "surrogatepass")),
    )
)
def test_any_bytes_are_read_or_refused_with_the_files_name(text: bytes, folder: Path) -> None:
    (folder / "mine.csv").write_bytes(text)
    try:
        listing = own.read(folder / "mine.csv")
    except ValueError as error:
        assert "image" in str(error) or "mine.csv" in str(error)
    else:
        assert len(listing.rows) and (listing.rows["patient"] != "").all()
