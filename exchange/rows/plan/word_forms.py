"""The English words that have a term's stem: schools, school's school, schooling for "school".

A search wants the rows in which some word has the term's stem. Here the stem is turned round: every word that English
makes of it, as a finite list. So a table is searched by plain words, in any engine, with or without an index, and what
was indexed does not age with the stemmer. Nothing is in the list that the stemmer would not bring back to the stem.
"""

from __future__ import annotations

import re
from functools import lru_cache

import snowballstemmer

_ENDINGS = (
    "", "s", "e", "es", "ed", "d", "ing", "ings", "er", "ers", "or", "ors", "y", "ies", "ied", "ying", "ly", "li",
    "ely", "edly", "ingly", "ion", "ions", "ioned", "ioning", "ional", "ionals", "ionally", "ation", "ations",
    "ational", "ationally", "ate", "ates", "ated", "ating", "ately", "ator", "ators", "ative", "atives", "atively",
    "able", "ables", "ably", "ability", "abilities", "eable", "eably", "ible", "ibles", "ibly", "ibility", "ibilities",
    "al", "als", "ally", "ality", "alities", "alize", "alizes", "alized", "alizing", "alizer", "alizers",
    "alization", "alizations", "alism", "alist", "ic", "ics", "ical", "ically", "icity", "icities", "icate", "icates",
    "icated", "icating", "icator", "icators", "ication", "ications", "icative", "ive", "ives", "ively", "iveness",
    "ivity", "ize", "izes", "ized", "izing", "izer", "izers", "ization", "izations", "ise", "ises", "ised", "ising",
    "ity", "ities", "iti", "ism", "isms", "ment", "ments", "ement", "ements", "ent", "ents", "ently", "ented",
    "enting", "ence", "ences", "ency", "encies", "ant", "ants", "antly", "ance", "ances", "ancy", "ancies", "ness",
    "nesses", "eness", "ful", "fully", "fulness", "eful", "efully", "ous", "ously", "ousness", "eous", "eously",
    "l", "ls", "led", "ling", "lli", "ering", "ered", "lation", "lations", "eity", "ys", "yed", "yer", "yers",
    "eer", "eers", "eering", "eds", "ds", "lence", "lent", "lently", "entative", "entatives", "ionality", "ateness",
    "ativity", "eability", "erly", "lying", "lies", "lment", "lments", "enter", "icalness", "edness", "ingness",
)  # fmt: skip
_DOUBLED = ("ed", "ing", "ings", "er", "ers", "s", "y", "able", "est", "ation", "ations", "edly", "ence", "ent", "ment")
_CHANGED = {
    "i": ("y", "ys", "ying", "yed", "yer", "yers", "ie", "ies", "ied", "ily", "ying"),
    "e": ("ing", "ings", "ed", "er", "ers"),
    "l": ("ility", "ilities"),
    "ie": ("ying",),
}  # fmt: skip
_OF_THEIR_OWN = (
    "skis", "skies", "sky", "idly", "gently", "ugly", "early", "only", "singly", "dying", "lying", "tying", "news",
    "howe", "atlas", "cosmos", "bias", "andes", "inning", "outing", "canning", "herring", "earring", "proceed",
    "exceed", "succeed",
)  # fmt: skip
_LETTERS = re.compile(r"[a-z]{3,40}")
_stemmer = snowballstemmer.stemmer("english")


def forms(word: str) -> frozenset[str]:
    """Every word with the stem of this one, itself included; small letters. Names and numbers stand for themselves."""
    lower = word.lower()
    return frozenset({lower}) | _forms_of(stem(lower)) if _LETTERS.fullmatch(lower) else frozenset({lower})


def stem(word: str) -> str:
    """The stem of a word in small letters (Porter's second English stemmer)."""
    return str(_stemmer.stemWord(word))


@lru_cache(maxsize=4096)
def _forms_of(wanted: str) -> frozenset[str]:
    return frozenset(word for word in _candidates(wanted) if stem(word) == wanted)


def _candidates(wanted: str) -> set[str]:
    found = {wanted + ending for ending in _ENDINGS}
    found |= {wanted + wanted[-1] + ending for ending in _DOUBLED}
    for tail, endings in _CHANGED.items():
        if wanted.endswith(tail):
            found |= {wanted.removesuffix(tail) + ending for ending in endings}
    return found | {word for word in _OF_THEIR_OWN if word[0] == wanted[0]}
