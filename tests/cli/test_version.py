import gateway
from tests.cli.config_files import run


def test_the_version_is_that_of_the_package() -> None:
    done = run("version")

    assert (done.exit_code, done.stdout) == (0, f"gateway {gateway.__version__}\n")
