"""A bundle is read only if it is whole, and nothing in it gets out of its folder or fills the disk."""

from __future__ import annotations

import json
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from analysis.bundling.archive import write_archive, write_sums
from analysis.reading import bundle_frames, bundles, dataset_names
from analysis.reading.artifacts import of_run
from analysis.reading.tracking_uri import Located, located, of_bundle, pages, require_store

RUNS = pd.DataFrame({"run_id": ["aa", "bb"], "tags.sweep": "first", "metrics.val_auc": [0.5, None]})
LOGGED = pd.DataFrame(
    [["aa", "val_auc", 1, 0.5, 7], ["aa", "score", 1, 0.6, 7], ["bb", "val_auc", 1, float("nan"), 8]],
    columns=["run_id", "metric", "step", "value", "timestamp"],
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A bundle as a folder, with one run's file, a file that nobody reads, and no report."""
    folder = tmp_path / "first"
    for name, frame in (("runs/runs", RUNS), ("runs/metrics", LOGGED), ("artifacts/aa/external/eyes", RUNS)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        frame.to_parquet(folder / f"{name}.parquet", index=False)
    facts = {"form": bundles.FORM, "dataset": "eyes", "sweep": "first", "version": "0.0.9"}
    (folder / "bundle.json").write_text(json.dumps(facts))
    (folder / "README.md").write_text("# The sweep\n" * 100)
    write_sums(folder)
    return folder


@pytest.fixture
def packed(folder: Path) -> Path:
    write_archive(folder, "first", folder.with_suffix(".zip"))
    return folder.with_suffix(".zip")


def edited(packed: Path, edit: Callable[[zipfile.ZipFile, zipfile.ZipInfo, bytes], None]) -> Path:
    """A copy in which `edit` writes each file."""
    copy = packed.with_name("edited.zip")
    with zipfile.ZipFile(packed) as old, zipfile.ZipFile(copy, "w") as new:
        for info in old.infolist():
            edit(new, info, old.read(info))
    return copy


def as_it_is(new: zipfile.ZipFile, info: zipfile.ZipInfo, content: bytes) -> None:
    new.writestr(info, content)


def refusal(path: Path) -> str:
    with pytest.raises(ValueError, match=r"bundle must") as error:
        bundles.opened(of_bundle(path))
    return str(error.value)


@pytest.mark.parametrize("is_unpacked", [False, True])
def test_runs_metrics_and_files_come_out_as_they_went_in(folder: Path, packed: Path, is_unpacked: bool) -> None:
    uri = of_bundle(folder if is_unpacked else packed)
    pd.testing.assert_frame_equal(bundle_frames.run_frame(uri, "eyes", None), RUNS)
    pd.testing.assert_frame_equal(bundle_frames.run_frame(uri, "eyes", "first"), RUNS)
    assert bundle_frames.run_frame(uri, "eyes", "second").empty and bundle_frames.run_frame(uri, "lungs", None).empty
    logged = bundle_frames.metric_frame(uri, ["aa"], ["val_auc", "absent"])
    pd.testing.assert_frame_equal(logged, LOGGED.head(1))
    assert bundle_frames.metric_frame(uri, [], []).empty
    path = of_run(uri, RUNS.iloc[0], "external/eyes.parquet")
    assert path is not None and pd.read_parquet(path).equals(RUNS)
    assert of_run(uri, RUNS.iloc[0], "external") == path.parent
    assert bundles.opened(uri).path("results") is None and bundles.opened(uri).path("runs") == path.parents[3] / "runs"
    assert of_run(uri, RUNS.iloc[1], "external") is None and of_run(uri, RUNS.iloc[0], "predictions.parquet") is None


def test_a_run_with_the_name_of_a_path_reads_nothing_outside(folder: Path) -> None:
    (folder.parent / "secret").write_text("salt")
    assert of_run(of_bundle(folder), pd.Series({"run_id": "../.."}), "secret") is None
    assert bundles.opened(of_bundle(folder)).path("README.md") is None  # checked, and not for analysis


def test_its_address_needs_no_mlflow_and_has_no_pages(packed: Path) -> None:
    uri = of_bundle(packed)
    require_store(uri)
    assert located(uri, None) == Located(uri, None) and pages(uri) == ""
    assert located(uri, packed.parent).results == packed.parent
    dataset_names.check("eyes", located(uri, None))
    with pytest.raises(LookupError, match=r"got 'eye' \(did you mean eyes\?\)"):
        dataset_names.check("eye", located(uri, None))
    with pytest.raises(FileNotFoundError, match="no bundle at"):
        require_store(of_bundle(packed.with_name("typo.zip")))


@pytest.mark.parametrize("name", ["runs/metrics.parquet", "artifacts/aa/external/eyes.parquet", "README.md"])
def test_a_changed_file_is_named(name: str, packed: Path, folder: Path) -> None:
    def change(new: zipfile.ZipFile, info: zipfile.ZipInfo, content: bytes) -> None:
        new.writestr(info, content[:-1] + b"?" if info.filename.endswith(name) else content)

    assert f"as it was packed, but {name} in" in refusal(edited(packed, change))
    (folder / name).write_bytes((folder / name).read_bytes()[:-1] + b"?")
    assert f"as it was packed, but {name} in {folder}" in refusal(folder)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_truncated_archive_is_refused_with_its_name(packed: Path, share: float) -> None:
    packed.write_bytes(packed.read_bytes()[: int(share * packed.stat().st_size)])
    assert f"{packed} is damaged or cut short" in refusal(packed)
    with pytest.raises(ValueError, match="cut short"):
        bundles.about(of_bundle(packed))


def test_damage_within_the_archive_is_refused_with_the_file(packed: Path) -> None:
    content = bytearray(packed.read_bytes())
    place = content.index(b"first/README.md") + len("first/README.md") + 5  # within what it is compressed to
    content[place] ^= 0xFF
    packed.write_bytes(content)
    assert "README.md in" in refusal(packed)


def test_a_missing_file_and_one_too_many_are_named(packed: Path, folder: Path) -> None:
    def without(new: zipfile.ZipFile, info: zipfile.ZipInfo, content: bytes) -> None:
        if not info.filename.endswith("eyes.parquet"):
            new.writestr(info, content)

    assert "artifacts/aa/external/eyes.parquet is missing" in refusal(edited(packed, without))
    more = edited(packed, as_it_is)
    with zipfile.ZipFile(more, "a") as archive:
        archive.writestr("first/artifacts/aa/more.parquet", b"")
    assert "listed in SHA256SUMS, but artifacts/aa/more.parquet in" in refusal(more)
    (folder / "notes.txt").touch()
    assert bundles.opened(of_bundle(folder)).dataset == "eyes"  # a reader's own file beside an unpacked bundle
    (folder / "artifacts" / "aa" / "more.parquet").touch()
    (folder / "SHA256SUMS").touch()
    assert "artifacts/aa/more.parquet" in refusal(folder)


@pytest.mark.parametrize(
    "name",
    ["../outside.json", "first/../../outside.json", "/tmp/outside.json", "C:/outside.json", "first\\..\\outside.json"],
)
def test_a_name_that_leads_out_of_the_folder_is_refused_before_anything_is_written(name: str, packed: Path) -> None:
    bad = edited(packed, as_it_is)
    with zipfile.ZipFile(bad, "a") as archive:
        archive.writestr(name, "{}")
    assert "must lie in its own folder, but" in refusal(bad) and not list(packed.parent.parent.glob("outside*"))


def test_a_link_is_refused(packed: Path, folder: Path) -> None:
    bad, info = edited(packed, as_it_is), zipfile.ZipInfo("first/artifacts/aa/salt.json")
    info.external_attr, info.create_system = (stat.S_IFLNK | 0o777) << 16, 3
    with zipfile.ZipFile(bad, "a") as archive:
        archive.writestr(info, "/etc/passwd")
    assert "first/artifacts/aa/salt.json" in refusal(bad)
    (folder / "artifacts" / "aa" / "salt.json").symlink_to("/etc/passwd")
    assert "must hold no link, but" in refusal(folder)


def test_an_archive_made_to_fill_the_disk_is_refused_before_it_is_unpacked(packed: Path) -> None:
    bad = edited(packed, as_it_is)
    with zipfile.ZipFile(bad, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("first/artifacts/aa/zeros.csv", bytes(50_000_000))
    assert bad.stat().st_size < 200_000 and "made to fill a disk" in refusal(bad)


def test_a_file_that_unpacks_to_more_than_it_says_is_cut_off(packed: Path) -> None:
    """The size in the directory is what is checked: nothing beyond it may come out."""
    bad = edited(packed, as_it_is)
    with zipfile.ZipFile(bad, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("first/zeros.csv", bytes(3_000_000))
    content = bad.read_bytes().replace((3_000_000).to_bytes(4, "little"), (100).to_bytes(4, "little"))
    bad.write_bytes(content)
    refusal(bad)


def test_a_table_that_says_it_is_huge_is_not_read(packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle_frames, "MAX_VALUES", 5)
    with pytest.raises(ValueError, match=r"at most 5 values, but runs\.parquet says that it has 2 rows of 3"):
        bundle_frames.run_frame(of_bundle(packed), "eyes", None)
    with pytest.raises(ValueError, match=r"eyes\.parquet says"):
        of_run(of_bundle(packed), RUNS.iloc[0], "external")


def test_another_form_and_what_is_no_bundle_are_refused(folder: Path, tmp_path: Path) -> None:
    (folder / "bundle.json").write_text('{"form": 99, "dataset": "eyes", "sweep": "first", "version": "7.0"}')
    write_sums(folder)
    assert "of form 1 to be read, but" in (said := refusal(folder)) and "is of form 99" in said and "(7.0)" in said
    (folder / "bundle.json").write_text("[]")
    write_sums(folder)
    assert "say in bundle.json what it holds" in refusal(folder)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="no bundle, or damaged"):
        bundles.about(of_bundle(tmp_path / "empty"))
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("first/notes.txt", "hello")
    assert "SHA256SUMS, but that of" in refusal(tmp_path / "other.zip")
