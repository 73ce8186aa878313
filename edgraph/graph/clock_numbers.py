"""Number theory for clocks: residue classes, and periodic sets as bits of an integer."""

from __future__ import annotations

from math import gcd

PROBES = 1 << 20  # firings that one question may test
PROGRESSIONS = 4096  # progressions that one question may involve


class TooComplex(Exception):
    """A question about clocks would need more than PROBES tests or PROGRESSIONS progressions.

    Diagnostic `clock-too-complex`. The message says which limit was passed.
    """


def crt(residue: int, modulus: int, other_residue: int, other_modulus: int) -> tuple[int, int] | None:
    """The numbers in both residue classes, as (residue, modulus); None when there are none."""
    common = gcd(modulus, other_modulus)
    apart = other_residue - residue
    if apart % common:
        return None
    rest = other_modulus // common
    turns = apart // common * pow(modulus // common, -1, rest) % rest
    merged = modulus * rest
    return (residue + modulus * turns) % merged, merged


def index_class(first: int, stride: int, residue: int, modulus: int) -> tuple[int, int] | None:
    """The k with first + k·stride ≡ residue (mod modulus), as (residue, modulus) of k; None: no such k."""
    common = gcd(stride, modulus)
    apart = residue - first
    if apart % common:
        return None
    rest = modulus // common
    return apart // common * pow(stride // common, -1, rest) % rest, rest


def comb(period: int, count: int) -> int:
    """`count` bits set, `period` apart, the lowest of them bit 0."""
    if count < 1:
        return 0
    bits, have = 1, 1
    while have < count:
        step = min(have, count - have)  # an overlap falls on bits that are set already
        bits |= bits << (step * period)
        have += step
    return bits


def tile(pattern: int, period: int, length: int) -> int:
    """The lowest `length` bits of a pattern of `period` bits repeated without end."""
    while period < length:
        pattern |= pattern << period
        period *= 2
    return pattern & ((1 << length) - 1)


def lowest(bits: int) -> int:
    """The index of the lowest set bit. bits: not 0."""
    return (bits & -bits).bit_length() - 1


def prime_factors(number: int, largest: int) -> list[int]:
    """The prime factors of a number that are at most `largest`, each once."""
    factors, candidate = [], 2
    while candidate <= largest and candidate * candidate <= number:
        if number % candidate == 0:
            factors.append(candidate)
            while number % candidate == 0:
                number //= candidate
        candidate += 1
    if 1 < number <= largest and candidate * candidate > number:
        factors.append(number)
    return factors
