"""Words that people write behind a number in the place of its zeros: thousands, millions, lakhs."""

from collections.abc import Sequence

_WORDS = {
    2: "hundred hundreds hundert honderd",
    3: """k keur kusd tsd teur tusd tchf thousand thousands grand tausend mille mila mil duizend tusen tusind tuhat
        tuhatta ezer mii tys tysięcy tis tisíc ribu rb nghìn ngàn к тыс тысяч тысячи тис тисяч χιλ χιλιάδες ألف الف آلاف
        هزار हज़ार हजार""",
    5: "lakh lakhs lac लाख",
    6: """mio meur musd mchf mn mln million millions millionen mill millón millones milhão milhões milione milioni
        milion milión miliony milionů milionów milyon milj miljoen miljoner miljoonaa juta jt triệu млн миллион миллиона
        миллионов εκατ εκατομμύρια مليون ملايين میلیون""",
    7: "crore crores करोड़",
    9: """bn billion billions mrd milliarde milliarden milliard milliards mld miljard miljarder miliardo miliardi
        miliarde milyar miliar tỷ млрд миллиардов مليار میلیارد""",
    12: "tn trillion trillions",
}
_POWERS = {word: power for power, words in _WORDS.items() for word in words.split()}
_MAY_BE_UNITS = {"m": 6, "mm": 6, "b": 9, "t": 3, "tr": 6, "bin": 3}  # metres, bytes, tons; Turkish thousands
# Of writings without blanks between words. Those that begin as another does come first.
_JOINED_WORDS = {
    7: "千万 千萬 천만",
    6: "百万 百萬 백만 ล้าน",
    5: "十万 十萬 십만 แสน",
    2: "百 백",
    3: "千 천 พัน",
    4: "万 萬 만 หมื่น",
    8: "億 亿 억",
    12: "兆 조",
}
_JOINED = {word: power for power, words in _JOINED_WORDS.items() for word in words.split()}


def powers_of(word: str) -> Sequence[int]:
    """By which powers of ten the word multiplies the number before it, the likeliest first: `(0,)` for any that does
    not."""
    word = word.lower()
    if word in _MAY_BE_UNITS:
        return (0, _MAY_BE_UNITS[word])
    return (_POWERS.get(word) or next((_JOINED[each] for each in _JOINED if word.startswith(each)), 0),)
