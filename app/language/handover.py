"""Whether a question asks for a person: "Can I talk to a human?", in the languages that the widget and the built-in
model speak. Meant to be right about short plain requests, and to leave alone what is only about people."""

from app.language.phrases import folded, phrases

_LATIN = phrases(
    # English
    r"\b(?:speak|talk|chat)(?:ing)? (?:to|with)~+(?!me\b|you\b|us\b)…(?:humans?|person|people|someone|somebody|agent|"
    r"representative|rep|operator|employee|staff|manager|advisor|adviser|support|customer (?:service|care)|team|"
    r"colleague|anyone)\b",
    r"\b(?:connect|transfer|put|pass|hand|forward)(?: me)?(?: (?:through|over|on))? (?:to|with)~+…(?:human|person|"
    r"someone|somebody|agent|representative|operator|employee|staff|manager|support|customer (?:service|care))\b",
    r"\b(?:want|need|like|prefer|get(?: me)?|give me|is there)~+…(?:humans?|real person|real people|actual person|"
    r"live agent|human agent|live person|(?:customer service|support) (?:agent|representative))\b"
    r"(?! (?:resources?|rights|errors?|hair|skin|body))",
    r"^~*(?:(?:a|an|the|real|live|human) )*(?:humans?|agent|operator|representative|person|live chat|customer service)"
    r"(?:,? please)?~*$",
    # German
    r"\bmit~+…(?:mensch(?:en)?|mitarbeiter\w*|mitarbeitenden|person|jemand(?:em|en)?|berater\w*|kundendienst|"
    r"kundenservice|kundenbetreuung|support|kolleg\w+|ansprechpartner\w*|euch|ihnen|team|chef\w*)~+…"
    r"(?:sprechen|reden|telefonieren|chatten|schreiben|verbinden|verbunden)\b",
    r"\b(?:sprechen|reden|telefonieren|chatten|verbinde\w*|verbindet)~+…mit~+…(?:mensch(?:en)?|mitarbeiter\w*|"
    r"jemand(?:em)?|berater\w*|kundendienst|kundenservice|support|kolleg\w+|ansprechpartner\w*|einer person)\b",
    r"\bjemand(?:en)? (?:sprechen|erreichen|anrufen)\b",
    r"\b(?:echte[nrs]?|richtige[nrs]?|menschliche[nrs]?|lebende[nrs]?) (?:mensch\w*|person\w*|mitarbeiter\w*|"
    r"ansprechpartner\w*|berater\w*|kontakt)\b",
    r"\b(?:will|mochte|brauche|moechte|hatte gerne?)~+(?:(?:gerne?|bitte) )?einen? (?:mensch\w*|mitarbeiter\w*|"
    r"ansprechpartner\w*|berater\w*)~*(?:bitte)?~*$",
    r"^~*(?:mensch|mitarbeiter(?:in)?|berater(?:in)?|kundenservice|kundendienst)(?:,? bitte)?~*$",
    # French
    r"\b(?:parler|discuter|echanger|entrer en contact|(?:mettre|mettez|mettez-moi|etre mis) en (?:relation|contact)|"
    r"passez-moi|transferez-moi)(?: a| avec)?~+…(?:humain|personne|conseill\w+|agent|quelqu'un|employe\w*|operat\w+|"
    r"responsable|vendeu\w+|service client|support|equipe)\b",
    r"\b(?:veux|voudrais|besoin d'|besoin de|prefere)~*…(?:humain|vraie personne|vrai conseiller)\b",
    r"^~*(?:(?:un|une|vrai|vraie) )*(?:humain|conseill\w+|agent|operateur|personne reelle)"
    r"(?:,? (?:s'il vous plait|svp))?~*$",
    # Spanish
    r"\b(?:hablar|hablo|chatear|comunicar(?:me)?|contactar|conectar(?:me)?|ponerme en contacto|pasame|paseme|pasarme|"
    r"comuniqueme|transfier\w+|derivar(?:me)?)~+(?:con~+)?…(?:persona|humano|agente|asesor\w*|representante|empleado|"
    r"empleada|operador\w*|alguien|encargad\w|atencion al cliente|soporte|companero)\b",
    r"\b(?:quiero|necesito|prefiero|hay)~+…(?:persona real|ser humano|humano|agente humano)\b",
    r"^~*(?:(?:un|una) )?(?:agente|humano|persona real|operador|asesor)(?:,? por favor)?~*$",
    # Italian
    r"\b(?:parlare|parlo|chattare|mettermi in contatto|mettetemi in contatto|passarmi|passami|mi passi|collegarmi)"
    r"(?: con| a)?~+…(?:persona|umano|operat\w+|agente|qualcuno|consulente|addett\w|responsabile|commess\w|"
    r"(?:assistenza|servizio) clienti|assistenza)\b",
    r"^~*(?:(?:un|una) )?(?:operatore|umano|persona vera|persona reale)(?:,? per favore)?~*$",
    # Portuguese
    r"\b(?:falar|conversar|contatar|contactar|entrar em contato|entrar em contacto|transferir|transfira|me passe|"
    r"me passa|conectar)(?:-me| me)?(?: com| para| a)?~+…(?:pessoa|humano|atendente|agente|alguem|"
    r"funcionari\w|operador\w*|"
    r"representante|suporte|atendimento|consultor\w*|vendedor\w*)\b",
    r"^~*(?:(?:um|uma) )?(?:atendente|humano|pessoa real|operador)(?:,? por favor)?~*$",
    # Dutch
    r"\b(?:met|een|iemand)~+…(?:mens|medewerk\w+|persoon|iemand|collega|klantenservice|adviseur)~+…"
    r"(?:spreken|praten|chatten|bellen|verbonden|doorverbonden)\b",
    r"\b(?:spreken|praten|chatten|verbind me|doorverbinden|verbonden worden)~+…met~+…(?:mens|medewerk\w+|persoon|"
    r"iemand|collega|klantenservice|adviseur)\b",
    r"\biemand (?:spreken|aan de lijn)\b",
    r"\bechte? (?:mens|persoon|medewerker)\b",
    r"^~*(?:mens|medewerker|klantenservice)(?:,? (?:alsjeblieft|alstublieft|aub))?~*$",
    # Polish
    r"\b(?:rozmawiac|porozmawiac|pogadac|polaczyc|polacz|polaczenie|skontaktowac|rozmowa|rozmowy)(?: mnie| sie)?~+z\w*"
    r"~+…(?:czlowiekiem|osoba|konsultant\w+|pracownik\w+|kims|doradca|agentem|obsluga\w*|ludzmi|specjalista)\b",
    r"^~*(?:czlowiek|konsultant|pracownik)(?:,? prosze)?~*$",
    # Turkish
    r"\b(?:insan\w*|gercek (?:bir )?(?:kisi|insan)\w*|temsilci\w*|yetkili\w*|birisi\w*|biriyle|birileriyle|"
    r"musteri hizmetleri\w*|calisan\w*|operator\w*|gorevli\w*)~+…(?:gorus\w+|konus\w+|bagla\w*|iletisim\w*)\b",
    r"^~*(?:canli destek|musteri temsilcisi|gercek (?:bir )?(?:insan|kisi)|insan)(?: lutfen)?~*$",
)  # fmt: skip
_OTHERS = phrases(
    # Russian
    r"\b(?:поговорить|говорить|связаться|соедин\w+|переключ\w+|перевед\w+|пообщаться|позов\w+|свяж\w+|переведите)~+…"
    r"(?:человек\w*|людьми|оператор\w*|сотрудник\w*|менеджер\w*|специалист\w*|консультант\w*|кем-то|кем-нибудь|"
    r"кем-либо|поддержк\w+|администратор\w*)\b",
    r"\b(?:нужен|нужна|хочу|позовите|дайте)~+…(?:живо\w+ человек\w*|человек\w*|оператор\w*)~*(?:пожалуйста)?~*$",
    r"^~*(?:живой )?(?:человек|оператор|менеджер)(?:,? пожалуйста)?~*$",
    # Arabic
    r"(?:تحدث|اتحدث|احدث|احكي|تكلم|اتكلم|كلام|اكلم|تواصل|اتواصل|تحويلي|حولني|حولوني|وصلني|اوصلني|توصيلي|مكالمه)~+…"
    r"(?:ال|لل|ل|ب)?(?:موظف|شخص|انسان|احد|بشر|ممثل|مندوب|مسؤول|وكيل|مستشار|خدمه العملاء|الدعم|مدير)",
    r"(?:اريد|ابغي|عايز|بدي|احتاج|هل يوجد)~+…(?:موظف|شخص|انسان)ا?(?: (?:حقيقي|بشري|بشر)\w*)?~*$",
    r"^~*(?:موظف|خدمه العملاء|انسان)(?: (?:من فضلك|لو سمحت))?~*$",
    # Japanese
    r"有人(?:対応|チャット|サポート)|(?:人間|生身の人|オペレーター?|担当者|担当の方|係の人|係の方|スタッフ|店員)(?:の方|さん|様)?[にとへをの].{0,6}"
    r"(?:話|はな|つな|繋|代わ|替わ|かわ|対応|チャット|連絡|お願い|呼)",
    r"(?:誰か|だれか|(?<![一-龯])人)(?:に|と)(?:直接)?(?:話|相談|お話|電話)",
    r"^~*(?:人間|オペレーター?|担当者|有人(?:対応|チャット))(?:を?お願いします|と話したい)?~*$",
    # Chinese
    r"(?:转|轉|找|接|叫|要|联系|聯繫|联络|聯絡)(?:到|个|個|一个|一個|一下|接)?(?:人工|真人|客服|工作人员|工作人員|专员|專員|店员|店員)",
    r"(?:和|跟|与|與|同).{0,4}(?:人工|真人|客服|人|人员|人員|员工|員工|店员|店員)(?:直接)?(?:说话|說話|聊|谈|談|通话|通話|沟通|溝通|讲|講|说|說|交流)",
    r"^~*(?:人工|真人|人工客服|人工服务|人工服務|客服)~*$",
)  # fmt: skip


def asks_for_a_person(question: str) -> bool:
    """Looks at its first 1,000 characters; at worst a few milliseconds."""
    text = folded(question)
    return bool((_LATIN if text.isascii() else _OTHERS).search(text) or (not text.isascii() and _LATIN.search(text)))
