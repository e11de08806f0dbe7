"""The sweep of forgotten test data must not take what another process is just making."""

import os
from pathlib import Path

import pytest

from app.db import embedded_host


@pytest.mark.parametrize(("age", "kept"), [(0, True), (3600, False)])
def test_only_old_data_is_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, age: int, kept: bool) -> None:
    monkeypatch.setattr(embedded_host, "_ROOT_HOME", tmp_path)
    data, note = tmp_path / "data-0123456789abcdef", tmp_path / "data-0123456789abcdef.home"
    data.mkdir()
    note.write_text(str(tmp_path / "not-yet-linked"))
    moment = note.stat().st_mtime - age
    os.utime(note, (moment, moment))
    embedded_host._sweep()
    assert (data.exists(), note.exists()) == (kept, kept)
