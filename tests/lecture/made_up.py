"""Claims that nobody measured."""

from lrlab.lecture.claims import Claim, Failure

HELD = Claim("2.2", "Order", "a < b & c", "<= 1", "0.5", True)
FAILED = Claim("6.4", "Falls", "it falls", "down", "up", False, Failure("It rises by 3.", "with less weight"))
DEPENDS = Claim(
    "5.8", "Sinks", "it sinks", "all", "some", False, Failure("Wood floats.", "for iron and lead", seen=True)
)
UNEXPLAINED = Claim("5.1", "Rests", "it rests", "0", "0.25", False)
CLAIMS = (HELD, FAILED, DEPENDS, UNEXPLAINED)
