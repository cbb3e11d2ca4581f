"""Become a program on a machine without IPv6: ``python without_ipv6.py PROGRAM ARGUMENTS``.

The kernel refuses such sockets to it (seccomp(2)), with what it says where it was booted with
``ipv6.disable=1``.
"""

import ctypes
import errno
import os
import platform
import socket
import struct
import sys

_SOCKET_CALLS = {"x86_64": 41, "aarch64": 198}
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 38, 22, 2
_LOAD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06  # of BPF
_ERRNO, _ALLOW = 0x0005_0000, 0x7FFF_0000
_CALL_AT, _FIRST_ARGUMENT_AT = 0, 16  # in struct seccomp_data


def _instruction(code: int, value: int, if_equal: int = 0, if_not: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_equal, if_not, value)


def main() -> None:
    program = (
        _instruction(_LOAD, _CALL_AT),
        _instruction(_JUMP_IF_EQUAL, _SOCKET_CALLS[platform.machine()], 0, 3),
        _instruction(_LOAD, _FIRST_ARGUMENT_AT),
        _instruction(_JUMP_IF_EQUAL, socket.AF_INET6, 0, 1),
        _instruction(_RETURN, _ERRNO | errno.EAFNOSUPPORT),
        _instruction(_RETURN, _ALLOW),
    )
    octets = ctypes.create_string_buffer(b"".join(program))
    described = struct.pack("HxxxxxxP", len(program), ctypes.addressof(octets))
    libc = ctypes.CDLL(None, use_errno=True)
    for call in (
        (_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.create_string_buffer(described)),
    ):
        if libc.prctl(*call):
            raise OSError(ctypes.get_errno(), "prctl")
    os.execv(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
