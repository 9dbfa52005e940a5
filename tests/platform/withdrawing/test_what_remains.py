"""The table of what remains: which networks have seen images of patients who have withdrawn since."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.platform.withdrawing.conftest import Clinic
from tests.platform.withdrawing.left_behind import NAME


def withdrawn_table(clinic: Clinic, file: Path | None = None) -> pd.DataFrame:
    assert clinic.withdraw(file=file) == 0
    path = clinic.results / "stores" / f"{NAME}.withdrawn-1.csv"
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def of_students(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["what"] == "student, confirm"]


def change_teacher(clinic: Clinic, **facts: Any) -> None:
    (path,) = clinic.results.glob("teachers/*/*/teacher.json")
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "seen": {**content["seen"], **facts}}))


def set_parameter(clinic: Clinic, name: str, value: str) -> None:
    with closing(sqlite3.connect(clinic.results / "mlflow.db")) as connection:
        connection.execute("delete from params where key = ?", [name])
        trials = "select ?, ?, run_uuid from tags where key = 'kind' and value = 'trial'"
        connection.execute(f"insert into params (key, value, run_uuid) {trials}", [name, value])
        connection.commit()


def listing(folder: Path, *patients: str) -> Path:
    (file := folder / "others.txt").write_text("".join(f"{name}\n" for name in patients))
    return file


def test_every_file_of_weights_has_a_row(clinic: Clinic, capsys: pytest.CaptureFixture[str]) -> None:
    table = withdrawn_table(clinic)
    students, copies = of_students(table), table[table["what"].str.startswith("copy")]
    teachers = table[table["what"] == "teacher"]
    assert len(table) == 6 and len(students) == 2 and set(table["training"]) == {"1"}
    assert sorted(table["validation"]) == ["", *["1"] * 5] and teachers["validation"].tolist() == ["1", ""]
    trained = {path.parts[-4] for path in clinic.results.glob("artifacts/*/*/model/*.safetensors")}
    assert {*students["run"], teachers["run"].iloc[0]} == trained and teachers["run"].iloc[1] == ""
    (copied,) = students.index[students["run"].isin(copies["run"])]
    assert copies["what"].to_dict() == {copied + 1: "copy, exported", copied + 2: "copy, model in MLflow"}
    assert all((clinic.results / place).exists() for place in table["weights"])
    exported, model = copies["weights"]
    assert exported == "exports/one" and list((clinic.results / model).glob("*.safetensors"))
    told = capsys.readouterr().out
    assert all(place in told for place in table["weights"])


def test_who_was_tested_alone_has_taught_nothing(clinic: Clinic, tmp_path: Path, capsys: Any) -> None:
    assert withdrawn_table(clinic, listing(tmp_path, "pat-08")).empty
    assert "nothing was trained on these patients' images" in capsys.readouterr().out


def test_who_was_validated_alone_has_chosen_weights(clinic: Clinic, tmp_path: Path) -> None:
    table = withdrawn_table(clinic, listing(tmp_path, "pat-03"))
    assert (
        set(table["training"]) == {"0"}
        and set(table["validation"]) == {"1"}
        and not any(table["weights"].str.startswith("teachers/"))
    )


@pytest.mark.parametrize(("name", "value"), [("split_draw", "1"), ("fold", "2")])
def test_a_run_that_drew_its_own_split_may_have_seen_them_anywhere(clinic: Clinic, name: str, value: str) -> None:
    set_parameter(clinic, name, value)
    students = of_students(withdrawn_table(clinic))
    assert set(students["training"]) == {"drawn anew"} == set(students["validation"])


def test_without_the_prepared_images_training_is_not_known(clinic: Clinic) -> None:
    clinic.store.path.unlink()
    students = of_students(withdrawn_table(clinic))
    assert set(students["training"]) == {"unknown"} and set(students["validation"]) == {"1"}


@pytest.mark.parametrize("facts", [{"salt": "another"}, {"patients": []}])
def test_a_teacher_whose_patients_cannot_be_told_is_listed(clinic: Clinic, facts: dict[str, Any]) -> None:
    change_teacher(clinic, **facts)
    table = withdrawn_table(clinic)
    assert table.loc[table["weights"].str.startswith("teachers/"), "training"].tolist() == ["unknown"]


def test_a_teacher_of_other_patients_is_not_listed(clinic: Clinic) -> None:
    change_teacher(clinic, patients=["0" * 16])
    assert not withdrawn_table(clinic)["weights"].str.startswith("teachers/").any()
