"""Polish: what Snowball's stemmer leaves apart.

Forms that a word has with other sounds (`psa` of `pies`), endings that it does not take off (`kupu-ję`, `rower-owy`),
an e that comes and goes (`paczka`, `paczek`), and endings that were typed without accents (`zwrocic`).
"""

import re

from app.language.folding import fold

# Forms that do not tell by their ends what they are of, each line's behind the term that they have.
_FORMS = {
    form: term
    for line in """
    pies: pies psa psu psem psie psy psów psow psom psami psach
    dzien: dzień dnia dniu dniem dni dniom dniami dniach
    tydzien: tydzień tygodnia tygodniu tygodniem tygodnie tygodni tygodniami tygodniach
    miesiac: miesiąc miesiąca miesiącu miesiącem miesiące miesięcy miesiącami miesiącach miesiaca miesiecy
    dzieck: dzieci dzieciom dziećmi dziecmi dzieciach
    rek: ręce rąk rękom rękami rękach
    nog: nodze
    drog: drodze
    gosc: gość gościa gościem goście gości gościom gośćmi goscmi gościach
    pieniad: pieniądze pieniędzy pieniedzy pieniędzmi pieniedzmi
    zwierz: zwierzę zwierze zwierzęcia zwierzęciem zwierzęta zwierząt zwierzętom zwierzętami zwierzętach zwierzat
    niemowl: niemowlę niemowlęcia niemowlęta niemowląt niemowlętami niemowleta niemowlat
    szczen: szczenię szczenięcia szczenięta szczeniąt szczeniętami szczenieta szczeniat
    imien: imię imienia imieniem imiona imion
    okno: okno okna oknie oknem okien oknami oknach
    oko: oko oczy oczu oczom oczami oczach
    ucho: ucho ucha uszy uszu uszom uszami uszach
    zab: ząb zęba zęby zębów zębom zębami zębach zebow zebami
    blad: błąd błędu błędem błędy błędów błędami błędach
    urzad: urząd urzędu urzędem urzędzie urzędy urzędów urzędami urzędach
    swieto: święto święta świąt świętem świętom świętami świętach
    miasto: miasto miasta miastu miastem mieście miast miastami miastach
    ciasto: ciasto ciasta ciastu ciastem cieście ciast ciastami ciastach
    mieso: mięso mięsa mięsem mięsu mięsie mieso miesa miesem
    lato: lato latem lecie
    rok: rok roku rokiem lata lat latach latami latom
    las: las lasu lasem lesie lasy lasów lasach
    bilet: bilecie
    kont: koncie
    swiatl: świetle
    obiad: obiedzie
    wyjazd: wyjeździe
    przyjazd: przyjeździe
    pojazd: pojeździe
    dworzec: dworca dworcu dworcem dworce
    koniec: końca końcu końcem
    ojciec: ojca ojcu ojcem ojcowie
    chlopiec: chłopca chłopcu chłopcem chłopcy chłopców
    palec: palca palcu palcem palce palców palcami
    cukier: cukru cukrem cukrze
    uczen: uczeń ucznia uczniu uczniem uczniowie uczniów uczniom uczniami uczniach
    krzesl: krzeseł
    szkl: szkieł
    siostr: sióstr siostrze
    krew: krew krwi krwią
    wies: wieś wsi wsią
    pokoj: pokoi
    styczen: styczeń stycznia styczniu
    marzec: marzec marca marcu
    kwiecien: kwiecień kwietnia kwietniu
    czerwiec: czerwiec czerwca czerwcu
    lipiec: lipiec lipca lipcu
    sierpien: sierpień sierpnia sierpniu
    wrzesien: wrzesień września wrześniu
    grudzien: grudzień grudnia grudniu
    przynos: przynieść przyniosę przyniesiecie przyniesie przyniosłem przyniosłam
    przywoz: przywieźć przywiozę przywieziecie przywiezie przywiozą przywiózł przywiozłem przywiozłam
    zawoz: zawieźć zawiozę zawieziecie zawiezie zawiozą
    dowoz: dowieźć dowiozę dowieziecie dowiezie dowiozą
    jech: jadę jedziemy jedziecie jedzie jadą
    dojech: dojadę dojedziemy dojedziecie dojedzie dojadą
    przyjech: przyjadę przyjedziemy przyjedziecie przyjedzie przyjadą
    jesc: jem jemy jecie jedzą
    zjesc: zjem zjemy zjecie zjedzą zjadł zjadłem zjadłam
    pic: piję pijemy pijecie piją wypić
    spac: śpię śpimy śpi śpicie śpią spał spała spaliśmy
    myc: myję myjemy myjecie myje myją
    umyc: umyję umyjemy umyjecie umyje
    szyc: szyję szyjecie szyje szyją
    uszyc: uszyję uszyjecie uszyje
    odd: oddaję oddajemy oddajecie oddaje oddają
    zdaw: zdać zdam zdałem zdałam zdaję zdajemy
    strzyz: strzyc strzygę strzyżecie strzyże ostrzyc
    stluc: stłukł stłukła stłukło stłukły stłukłem stłukłam
    pekn: pękł pękła pękło pękły
    zepsut: zepsuć zepsuł zepsuła zepsuło zepsuły zepsułem zepsułam zepsuje psuje
    popsut: popsuć popsuł popsuła popsuło popsuły popsułem popsułam
    wolno: wolno
    """.strip().splitlines()
    for term, forms in [line.strip().split(": ")]
    for form in forms.split()
}

# otwar-cie, which is no form as otwiera-cie is one
_NOUN_OF_VERB = re.compile(r"(..+(?:ar|ę)c)i(?:e|a|u|em)")
_ENDS_OF_NOUN = ("cie", "cia", "ciu", "ciem")

# What is taken off a stem, or put in the place of its end, one after the other. Few stems end so: how they end is
# looked at first, which takes much less time than to look for a pattern.
_ENDS = (
    ("i", re.compile(r"(?<=..[^aeiouy])i$"), ""),  # kupi-ę
    ("yc", re.compile(r"(?<=...)yc$"), ""),  # ucz-yć
    (("y", "yl"), re.compile(r"(?<=..[csz])yl?$"), ""),  # ucz-ycie, ucz-yłem
    ("ym", re.compile(r"(?<=....)ym$"), ""),  # zniszcz-ymy
    ("wan", re.compile(r"(?<=.{4})(?:ow|yw|iw)an$"), ""),  # rezerw-owany, obsług-iwany
    ("uj", re.compile(r"(?<=...)uj$"), ""),  # kup-uję
    ("ow", re.compile(r"(?:(?<=...[^h])|(?<=..[^hmr]))ow$"), ""),  # kup-ować, rower-owy; not zamów-ić, schow-ać
    (("iw", "yw"), re.compile(r"(?<=.{4})[iy]w$"), ""),  # zapis-ywać
    ("ek", re.compile(r"(?<=..[^aeiouy])ek$"), "k"),  # pacz-ek of paczk-a
    ("z", re.compile(r"(?<=...d)z$"), ""),  # samochodz-ie
    ("z", re.compile(r"(?<=...r)z$"), ""),  # komputerz-e
    ("c", re.compile(r"(?<=...[lz])(?<!ez)c$"), "k"),  # paczc-e
)

# Endings as they are typed in haste, and with their accents.
_ACCENTS = (
    (re.compile(r"(?<=..[aeiouy])c$"), "ć"),
    (re.compile(r"(?<=...)ow$"), "ów"),
    (re.compile(r"(?<=..[aeiuy])l(?=(?:[aeo]?m|[ae]s|[iy]smy|[iy]scie|[aoy])?$)"), "ł"),
)


def irregular(word: str) -> str:
    """The term of a word, in lower case, that does not tell by its end what it is a form of; "" of any other."""
    noun = _NOUN_OF_VERB.fullmatch(word) if word.endswith(_ENDS_OF_NOUN) else None
    return fold(noun[1]) if noun else _FORMS.get(word, "")


def shortened(stem: str) -> str:
    """What the stem, folded, has in common with those of the word's other forms."""
    for letters, end, instead in _ENDS:
        if stem.endswith(letters):
            stem = end.sub(instead, stem)
    return stem


def accented(word: str) -> str:
    """The folded word with accents in its ending, which the stemmer knows it by."""
    for end, instead in _ACCENTS:
        word = end.sub(instead, word)
    return word
