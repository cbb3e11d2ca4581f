"""Look at processes as the system sees them."""

from pathlib import Path


def is_running(pid: int) -> bool:
    """Say whether there is such a process, and it has not ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in {"Z", "X"}
