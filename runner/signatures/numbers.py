"""Words about numbers that are none: loss, gradients and what they spoil."""

from __future__ import annotations

from runner.outcomes import Outcome as O
from runner.signatures.signature import ending

_NO_NUMBER = r"(?:nan|NaN|NAN|inf|Inf|infinite|infinity|[Nn]on-?finite|not finite)"
# Within a name as well: train_loss, trainLoss, loss_cls.
_WHOSE = (
    r"(?:(?<![A-Za-z0-9])|(?<=[a-z])(?=L))"
    r"(?:[Ll]oss(?:es)?|[Gg]radients?|[Gg]rad_?norms?|norm|weights?|params?|parameters?|logits?"
    r"|outputs?|activations?|predictions?|probabilit\w+|embeddings?)(?![A-Za-z0-9])"
)
_IS = r"(?:is|are|was|were|became|becomes|become|went|turned|has|have|contains?|got|of|to|with)"

NUMBERS = (
    ending(
        O.ERROR_NAN,
        r"returned nan values in its|contains either `inf`, `nan`|invalid multinomial distribution",
        r"The parameter \w+ has invalid values|The value argument must be within the support",
        r"is non-finite, so it cannot be clipped|[Mm]inimum loss scale",
        r"loss scale already at minimum|[Ll]oss scal\w+.{0,40}(?:at minimum|too small)",
        r"NanLossDuringTraining|Non[Ff]inite\w*Error|FloatingPointError",
        r"returned in `training_step` is nan|[Dd]etected nan and/or inf",
        r"[Ii]nput (?:X |y )?contains (?:NaN|infinity)|must not contain infs or NaNs",
        r"[Nn]a[Nn]s? (?:values? )?(?:was |were |is |are )?(?:detected|encountered)|matrix contains invalid numeric entries",
        r"cannot convert float (?:NaN|infinity) to integer|input matrix contained non-finite",
        r"[Tt]raining (?:has )?diverged|[Ll]oss (?:has )?(?:diverged|exploded)",
        r"[Cc]ontains `?(?:inf|nan|NaN)\b`?",
        r"input value should be between 0~1, but got nan|Array must not contain|found NaN",
        r"is not finite\. Prev|Out of range float values are not JSON",
    ),
    ending(
        O.ERROR_NAN,
        rf"{_WHOSE}[^\n]{{0,60}}?\b{_IS}\b[^\n]{{0,24}}?\b{_NO_NUMBER}\b",
        rf"{_WHOSE} ?[=:] ?{_NO_NUMBER}\b.{{0,60}}(?:[Ss]top|[Aa]bort|[Ee]xit|[Tt]erminat|[Hh]alt"
        r"|diverged)",
        rf"\b(?:nan|NaN|NAN|inf|Inf|[Nn]on-?finite|[Ii]nfinite)\b[^\n]{{0,20}}{_WHOSE}",
        rf"^(?:\w+\.)*(?:[A-Z]\w*)?(?:Error|Exception)\b: .{{0,60}}?{_WHOSE} ?[=:]? ?{_NO_NUMBER}\b",
        r"\b[Ii]nvalid loss, terminating",
    ),
    ending(
        O.ERROR_NAN,
        r"to satisfy the constraint .*found invalid values",
        r"within the support .*found invalid values",
        near=r"\bnan\b|\binf\b",
    ),
    ending(
        O.ERROR_NAN,
        rf"^(?:\w+\.)*(?:Assertion|Value|Runtime|Arithmetic|FloatingPoint)Error: "
        rf".*(?<!['_])(?<![Nn]o )\b{_NO_NUMBER}\b(?!['_])",
        r"^AssertionError\b.*diverged with loss",
    ),
    # Exceptions of somebody's own, by their names.
    ending(
        O.ERROR_NAN,
        r"^(?:\w+\.)*(?:[A-Z]\w*)?(?:NaN|Nan|NAN|Non[Ff]inite|NotFinite"
        r"|Inf(?:inite)?(?=Loss|Grad|Value|Norm|Error|Exception))(?![a-z])\w*"
        r"(?:Error|Exception|Failure|Abort)\b",
        r"^(?:\w+\.)*[A-Z]\w*(?:IsNaN|IsNan|BecameNaN|IsNonFinite|NotFinite|Diverged|Exploded)"
        r"(?:Error|Exception)?\b",
    ),
    # A loss scale that fell to nothing: every gradient was NaN or infinite.
    ending(
        O.ERROR_NAN,
        r"^ZeroDivisionError: float division",
        near=r"_post_amp_backward|apex/amp|loss scale to (?:0\.0\b|\S+e-[23]\d\d)",
    ),
    # A probability out of range: mostly NaN, since a forgotten sigmoid shows at the first step.
    ending(
        O.ERROR_NAN,
        r"all elements of (?:input|target) should be between 0 and 1",
        also=[O.ERROR_PYTHON],
    ),
    ending(
        O.ERROR_NAN,
        r"^(?:AssertionError|RuntimeError|ValueError|SystemExit: 1)\s*:?\s*$",
        near=r"(?:isnan|isfinite|isinf)\b[^\n]*\n(?:[ ~^]*\n)?(?:Assertion|Runtime|Value)Error",
    ),
)
