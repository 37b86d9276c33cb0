"""LaTeX that people can read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatterm.render.math import display, inline

FORMULAS = {
    r"E = mc^2": "E = mc²",
    r"\frac{1}{2}x_i^{2n}": "½xᵢ²ⁿ",
    r"\frac{a+b}{c-d}": "(a+b)/(c−d)",
    r"\sum_{i=1}^{n} i = \frac{n(n+1)}{2}": "∑ᵢ₌₁ⁿ i = n(n+1)/2",
    r"\int_0^\infty e^{-x^2}\,dx": "∫₀^∞ e^(−x²) dx",
    r"\lim_{x \to 0} \frac{\sin x}{x} = 1": "lim_(x → 0) (sin x)/x = 1",
    r"P(A\mid B)": "P(A ∣ B)",
    r"O(n\log n)": "O(n log n)",
    r"\log_2 n": "log₂ n",
    r"\sqrt{x+1} + \sqrt[3]{8}": "√(x+1) + ∛8",
    r"\mathbb{R}^n \to \mathcal{L}": "ℝⁿ → ℒ",
    r"\hat{y} = \vec{w}\cdot\vec{x}": "y\u0302 = w⃗·x⃗",
    r"\left( \frac{a}{b} \right)": "( a/b )",
    r"\text{if } x \ne 0": "if x ≠ 0",
    r"x_{\text{max}}": "xₘₐₓ",
    r"\begin{pmatrix}1&2\\3&4\end{pmatrix}": "(1 2; 3 4)",
    r"\binom{n}{k}": "C(n, k)",
    r"\foo{bar} + \unknown": r"\foo{bar} + \unknown",
    r"a \not= b": "a ≠ b",
}


@pytest.mark.parametrize(("source", "readable"), FORMULAS.items())
def test_a_formula_in_a_sentence(source: str, readable: str) -> None:
    assert inline(source) == readable


def test_matrices_stand_on_several_rows() -> None:
    source = r"A = \begin{pmatrix}1&2\\3&4\\5&6\end{pmatrix}\begin{bmatrix}x\\y\end{bmatrix} = b"
    assert display(source) == ("    ⎛ 1  2 ⎞⎡ x ⎤", "A = ⎜ 3  4 ⎟⎣ y ⎦ = b", "    ⎝ 5  6 ⎠")


def test_equations_are_aligned() -> None:
    source = r"\begin{align} a &= b + c \\ longer &= d \end{align}"
    assert display(source) == ("     a = b + c", "longer = d")


def test_cases_have_a_brace() -> None:
    source = r"f = \begin{cases} x^2 & x > 0 \\ 0 & \text{otherwise}\end{cases}"
    assert display(source) == ("f = ⎧ x²  x > 0", "    ⎩ 0   otherwise")


@given(st.text("\\{}[]^_&%$ '-ab1=frac\n", max_size=60))
def test_nonsense_never_fails(source: str) -> None:
    assert "\n" not in inline(source)
    assert not any(sign in "".join(display(source)) for sign in "\0\1\2\3\4")


def test_deep_nesting_is_shown_as_it_is() -> None:
    source = "{" * 5_000
    assert inline(source) in ("", source)
