"""Words about options that a program did not understand.

They are the program's own business, as any exception of it is; what it is nearly is said beside.
"""

from __future__ import annotations

from runner.outcomes import Outcome as O
from runner.signatures.signature import ending

USAGE = (
    # argparse, optparse, getopt, absl; click and typer; tyro; fire; Hydra; the interpreter itself.
    ending(
        O.ERROR_PYTHON,
        r"^[\w./-]+(?: \w+)*: error: (?:unrecognized arguments|ambiguous option|argument |the following"
        r" arguments are required|invalid choice|one of the arguments|no such option|too few)",
        r"^error: (?:unrecognized arguments|unexpected argument|Parser key|Validation failed)",
        r"^(?:[│|] )?(?:Error|Fehler): (?:No such (?:option|command)|Missing (?:option|argument|command"
        r"|parameter)|Invalid value|Got unexpected|Option '\S+' requires)",
        r"^[│╭] ?─?(?: (?:Unrecognized|Required|Missing|Parsing|Invalid)\b| No such (?:option|command))"
        r".{0,60}(?:option|argument|subcommand|command|error)",
        r"^ ?(?:ERROR: )?(?:The function received no value|Could not consume arg)",
        r"^(?:[\w.]+\.)?(?:UsageError|BadParameter|NoSuchOption|MissingParameter|UnrecognizedFlagError"
        r"|IllegalFlagValueError|ConfigCompositionException|ArgumentError|ArgumentTypeError)\b",
        r"^FATAL Flags parsing error|^Could not (?:override|append|find) '[^']+'\.?",
        r"can't open file '.*': \[Errno 2\]|^No module named \S+\.__main__",
        r"jsonargparse\S*ParserError",
        also=[O.ERROR_USAGE],
    ),
)
