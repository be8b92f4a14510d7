"""Subinterpreters, whose objects and whose end would get into each other's way: there is one native half in a process."""


def check() -> None:
    """Refuses any interpreter but the main one; raises ImportError."""
    if not _is_main():
        raise ImportError(
            "axis works in the main interpreter of a process, and this is a subinterpreter; "
            "mod_wsgi takes the main one with `WSGIApplicationGroup %{GLOBAL}`"
        )


def _is_main() -> bool:
    try:
        from _thread import _is_main_interpreter as is_main  # type: ignore[attr-defined, unused-ignore]
    except ImportError:
        pass
    else:
        return bool(is_main())
    try:  # before Python 3.13
        import _xxsubinterpreters as interpreters  # type: ignore[import-not-found, unused-ignore]
    except ImportError:  # no subinterpreters
        return True
    return bool(interpreters.get_current() == interpreters.get_main())
