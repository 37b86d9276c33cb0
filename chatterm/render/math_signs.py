"""LaTeX's commands as Unicode characters: data alone."""

from __future__ import annotations

_GREEK = (
    "alpha α beta β gamma γ delta δ epsilon ϵ varepsilon ε zeta ζ eta η theta θ vartheta ϑ iota ι "
    "kappa κ varkappa ϰ lambda λ mu μ nu ν xi ξ omicron ο pi π varpi ϖ rho ρ varrho ϱ sigma σ "
    "varsigma ς tau τ upsilon υ phi ϕ varphi φ chi χ psi ψ omega ω Gamma Γ Delta Δ Theta Θ "
    "Lambda Λ Xi Ξ Pi Π Sigma Σ Upsilon Υ Phi Φ Psi Ψ Omega Ω digamma ϝ aleph ℵ beth ℶ gimel ℷ "
)
_RELATIONS = (
    "le ≤ leq ≤ leqslant ≤ ge ≥ geq ≥ geqslant ≥ ne ≠ neq ≠ approx ≈ approxeq ≊ equiv ≡ sim ∼ "
    "simeq ≃ cong ≅ propto ∝ ll ≪ gg ≫ prec ≺ succ ≻ preceq ⪯ succeq ⪰ in ∈ ni ∋ notin ∉ "
    "subset ⊂ supset ⊃ subseteq ⊆ supseteq ⊇ subsetneq ⊊ supsetneq ⊋ sqsubseteq ⊑ sqsupseteq ⊒ "
    "mid ∣ nmid ∤ parallel ∥ perp ⊥ vdash ⊢ dashv ⊣ models ⊨ vDash ⊨ doteq ≐ coloneqq ≔ asymp ≍ "
    "lt < gt > triangleq ≜ lesssim ≲ gtrsim ≳ ntriangleleft ⋪ bowtie ⋈ smile ⌣ frown ⌢ "
)
_OPERATORS = (
    "pm ± mp ∓ times × div ÷ cdot · ast ∗ star ⋆ circ ∘ bullet • oplus ⊕ ominus ⊖ otimes ⊗ "
    "oslash ⊘ odot ⊙ cup ∪ cap ∩ sqcup ⊔ sqcap ⊓ uplus ⊎ vee ∨ lor ∨ wedge ∧ land ∧ neg ¬ lnot ¬ "
    "setminus ∖ smallsetminus ∖ wr ≀ amalg ⨿ dagger † ddagger ‡ sum ∑ prod ∏ coprod ∐ int ∫ "
    "iint ∬ iiint ∭ oint ∮ bigcup ⋃ bigcap ⋂ bigvee ⋁ bigwedge ⋀ bigoplus ⨁ bigotimes ⨂ "
    "bigodot ⨀ biguplus ⨄ bigsqcup ⨆ ltimes ⋉ rtimes ⋊ triangle △ bigtriangleup △ "
)
_ARROWS = (
    "to → rightarrow → leftarrow ← gets ← leftrightarrow ↔ Rightarrow ⇒ Leftarrow ⇐ "
    "Leftrightarrow ⇔ iff ⟺ implies ⟹ impliedby ⟸ mapsto ↦ longmapsto ⟼ longrightarrow ⟶ "
    "longleftarrow ⟵ longleftrightarrow ⟷ Longrightarrow ⟹ Longleftarrow ⟸ Longleftrightarrow ⟺ "
    "uparrow ↑ downarrow ↓ updownarrow ↕ Uparrow ⇑ Downarrow ⇓ nearrow ↗ searrow ↘ swarrow ↙ "
    "nwarrow ↖ hookrightarrow ↪ hookleftarrow ↩ rightharpoonup ⇀ leftharpoonup ↼ "
    "rightleftharpoons ⇌ rightsquigarrow ⇝ leadsto ⇝ upharpoonright ↾ twoheadrightarrow ↠ "
)
_OTHERS = (
    "infty ∞ partial ∂ nabla ∇ forall ∀ exists ∃ nexists ∄ emptyset ∅ varnothing ∅ hbar ℏ ell ℓ "
    "Re ℜ Im ℑ wp ℘ angle ∠ measuredangle ∡ degree ° prime ′ backprime ‵ therefore ∴ because ∵ "
    "ldots … dots … dotsc … dotsb ⋯ dotsm ⋯ dotsi ⋯ cdots ⋯ vdots ⋮ ddots ⋱ square □ Box □ "
    "blacksquare ■ qed ∎ diamond ⋄ Diamond ◇ lozenge ◊ clubsuit ♣ heartsuit ♡ diamondsuit ♢ "
    "spadesuit ♠ checkmark ✓ top ⊤ bot ⊥ flat ♭ natural ♮ sharp ♯ surd √ complement ∁ "
    "langle ⟨ rangle ⟩ lfloor ⌊ rfloor ⌋ lceil ⌈ rceil ⌉ lvert | rvert | vert | lVert ‖ rVert ‖ "
    "Vert ‖ lbrace { rbrace } lbrack [ rbrack ] backslash \\ copyright © pounds £ euro € S § P ¶ "
    "imath ı jmath ȷ eth ð AA Å aa å ae æ oe œ ss ß o ø O Ø l ł L Ł dag † ddag ‡ "
)


def _pairs(words: str) -> dict[str, str]:
    parts = words.split()
    return dict(zip(parts[::2], parts[1::2], strict=True))


SIGNS = _pairs(_GREEK + _RELATIONS + _OPERATORS + _ARROWS + _OTHERS)

RELATIONS = frozenset([*_pairs(_RELATIONS).values(), *_pairs(_ARROWS).values(), *"=<>±∓×÷"])
"""Signs that have a blank on both sides."""

SPACES = {
    ",": " ", ":": " ", ";": " ", "!": "", " ": " ", ">": " ", "quad": "  ", "qquad": "    ",
    "enspace": " ", "thinspace": " ", "medspace": " ", "thickspace": " ", "space": " ",
    "hspace": " ", "hfill": " ", "\n": " ", "/": "", "-": "",
}  # fmt: skip

ESCAPED = frozenset("{}$%&#_|")

FUNCTIONS = frozenset(
    "sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh coth log ln lg exp lim limsup "
    "liminf max min sup inf det dim ker deg gcd lcm arg argmax argmin hom Pr mod sgn tr rank "
    "softmax injlim projlim".split()
)

ACCENTS = {
    "hat": "\u0302", "widehat": "\u0302", "bar": "\u0304", "overline": "\u0305", "vec": "\u20d7",
    "overrightarrow": "\u20d7", "dot": "\u0307", "ddot": "\u0308", "dddot": "\u20db",
    "tilde": "\u0303", "widetilde": "\u0303", "check": "\u030c", "breve": "\u0306",
    "acute": "\u0301", "grave": "\u0300", "underline": "\u0332", "mathring": "\u030a",
}  # fmt: skip

SUPERSCRIPTS = dict(
    zip(
        "0123456789+-−=()abcdefghijklmnoprstuvwxyzABDEGHIJKLMNOPRTUVWαβγδεθιφχ′∗⊤ ,∘",
        "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂᵅᵝᵞᵟᵋᶿᶥᵠᵡ′*ᵀ ʼ°",
        strict=True,
    )
)
SUBSCRIPTS = dict(
    zip(
        "0123456789+-−=()aehijklmnoprstuvxβγρφχ ",
        "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓᵦᵧᵨᵩᵪ ",
        strict=True,
    )
)

_PLAIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def _alphabet(first: int, holes: str = "") -> dict[str, str]:
    letters = {letter: chr(first + number) for number, letter in enumerate(_PLAIN)}
    return {**letters, **_pairs(holes)}


ALPHABETS = {
    "mathbb": {
        **_alphabet(0x1D538, "C ℂ H ℍ N ℕ P ℙ Q ℚ R ℝ Z ℤ"),
        **{digit: chr(0x1D7D8 + int(digit)) for digit in "0123456789"},
    },
    "mathcal": _alphabet(0x1D49C, "B ℬ E ℰ F ℱ H ℋ I ℐ L ℒ M ℳ R ℛ e ℯ g ℊ o ℴ"),
    "mathfrak": _alphabet(0x1D504, "C ℭ H ℌ I ℑ R ℜ Z ℨ"),
}
ALPHABETS["mathscr"] = ALPHABETS["mathcal"]
ALPHABETS["Bbb"] = ALPHABETS["mathbb"]

FRACTIONS = {
    "1/2": "½", "1/3": "⅓", "2/3": "⅔", "1/4": "¼", "3/4": "¾", "1/5": "⅕", "2/5": "⅖", "3/5": "⅗",
    "4/5": "⅘", "1/6": "⅙", "5/6": "⅚", "1/8": "⅛", "3/8": "⅜", "5/8": "⅝", "7/8": "⅞",
}  # fmt: skip

BRACKETS = {
    "pmatrix": ("⎛⎜⎝", "⎞⎟⎠", "()"),
    "bmatrix": ("⎡⎢⎣", "⎤⎥⎦", "[]"),
    "Bmatrix": ("⎧⎨⎩", "⎫⎬⎭", "{}"),
    "vmatrix": ("│││", "│││", "||"),
    "Vmatrix": ("║║║", "║║║", "‖‖"),
    "cases": ("⎧⎨⎩", "", "{"),
    "matrix": ("", "", ""),
    "smallmatrix": ("", "", ""),
    "array": ("", "", ""),
}
"""The pieces of a grid's left and right bracket (top, middle, bottom), and those of one row."""
