"""Italian words as Snowball's stemmer has to see them: without the pronouns that are written onto verbs (`pagarlo`,
`scriveteci`), and nouns in the form that it does not take for a verb's (`camere`, `telefono`)."""

import re

_PRONOUNS = "(?:[mtcv]i|si|ne|gli|l[oaie]|(?:[mtcv]e|se|glie)(?:l[oaie]|ne))"
_INFINITIVE = re.compile(f"([a-zà-ù]+[aei])r{_PRONOUNS}|([a-zà-ù]*(?:du|po))r(?:[mcv]i|ne|l[oaie])")
_IMPERATIVE = re.compile(f"([a-zà-ù]+[aei]te){_PRONOUNS}")
_ENDS = ("mi", "ti", "ci", "vi", "si", "ne", "li", "lo", "la", "le")  # of pronouns

# What ends as these do and has no pronoun; Snowball takes one off from some of them, and not from their other forms.
_WHOLE = frozenset(
    """
    affermi allarmi alterne aperti apparsi armi arsi arti atene avversi avverti carle carli carlo carne casermi caserne
    catene caverne cerne certi cervi ciarla ciarle cisterne commerci comparsi comparti concerti confermi conservi
    controversi conversi converti coperti corti cosparsi deserti dispersi diversi emersi epidermi esperti esterne eterne
    fermi firmi fraterne germi immersi incarti incerti inermi infarti inserti interne inversi inverti irti lanterne
    marci marmi marne materne merci merla merle merli merlo moderne nervi odierne offerti osservi parla parle parli
    parlo parti paterne perla perle persi perversi quarti quaterne reparti ricoperti riservi sarti sberla sberle scarne
    scarsi scarti schermi scomparsi scoperti servi sofferti sommersi sparsi superne tarli tarlo taverne termi tersi
    trasversi universi vermi versi
    """.split()  # noqa: SIM905 - a list of words reads best as one
)
# What it takes for a form of a verb, in a form that it does not.
_NOUNS = dict(
    pair.split("=")
    for pair in """
    ambulatori=ambulatorio anziano=anziani artigiano=artigiani asciugamano=asciugamani benefici=beneficio camere=camera
    chiavi=chiave citofono=citofoni conservatori=conservatorio edifici=edificio fiorai=fioraio ingegnere=ingegneri
    italiano=italiani laboratori=laboratorio lettere=lettera lontano=lontani materassi=materasso microfono=microfoni
    monete=moneta obbligatori=obbligatorio operai=operaio parete=pareti pomeridiano=pomeridiani primavere=primavera
    quotidiano=quotidiani stipendi=stipendio tagliando=tagliandi telecamere=telecamera telefono=telefoni tessere=tessera
    trapano=trapani vegano=vegani vegetariano=vegetariani zanzare=zanzara
    """.split()  # noqa: SIM905 - a table reads best as one
)
_VOWELS = frozenset("aeiou")
_MAKER = re.compile(".{2,}[^aeour](?:ai|oi)")  # several: `notai`, `spogliatoi`; not `pagherai`


def before_stemming(word: str) -> str:
    """The form of a word in lower case of which the stem is the same as of its others: a verb's without pronouns."""
    if word in _NOUNS:
        return _NOUNS[word]
    if word in _WHOLE:
        return word[:-1] + "o"
    if word.endswith(_ENDS):  # as few do
        if found := _INFINITIVE.fullmatch(word):
            return f"{found[1]}re" if found[1] else f"{found[2]}rre"
        if found := _IMPERATIVE.fullmatch(word):
            return str(found[1])
    if word.endswith("iere") and not word.endswith(("gliere", "compiere")):
        return word[:-1] + "i"
    return word + "o" if word.endswith(("ai", "oi")) and _MAKER.fullmatch(word) else word


def after_stemming(stem: str) -> str:
    """The folded stem without what is left of an ending: of a short word with a vowel first, and `h` of `laghi`."""
    if len(stem) > 3 and stem[0] in _VOWELS and stem[-1] in _VOWELS:
        stem = stem[:-1]
    return stem[:-1] if stem.endswith(("ch", "gh")) else stem
