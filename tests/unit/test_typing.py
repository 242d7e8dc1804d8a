"""The types of our packages, as mypy finds them in somebody else's project."""

import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest

USER_CODE = Path(__file__).parents[1] / "typed/user_light_client.py"
PACKAGES = ["chain", "configs", "contracts", "cosmos_pb", "light_client", "lightship", "relayer"]


def mypy(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Strict, with no configuration: our packages are found where they are installed."""
    file = folder / "user.py"
    file.write_text(code)
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--config-file=",
            "--cache-dir=cache",
            file.name,
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_say_that_they_are_typed(package: str) -> None:
    assert resources.files(package).joinpath("py.typed").is_file()


def test_user_code_is_strictly_typed(tmp_path: Path) -> None:
    done = mypy(tmp_path, USER_CODE.read_text())
    assert done.returncode == 0, done.stdout + done.stderr


def test_wrong_user_code_is_told_so(tmp_path: Path) -> None:
    code = USER_CODE.read_text()
    wrong = code.replace("assert_type(value, bytes)", "assert_type(value, str)", 1)
    wrong = wrong.replace('answer, "bank", key)', 'answer, b"bank", key)')
    assert wrong.count('b"bank"') == 1
    done = mypy(tmp_path, wrong)
    assert done.returncode == 1
    assert 'Argument 3 to "proven" has incompatible type "bytes"; expected "str"' in done.stdout
    assert 'Expression is of type "bytes", not "str"' in done.stdout
