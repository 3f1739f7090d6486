"""The log: a run as lines of JSON, written while it happens, played again, gone on with, compared."""

from reconcile.driver.log.chain import DamagedLog, Line, LogError, MisorderedLog, TruncatedLog, Writer, WrongVersion

__all__ = ["DamagedLog", "Line", "LogError", "MisorderedLog", "TruncatedLog", "Writer", "WrongVersion"]
