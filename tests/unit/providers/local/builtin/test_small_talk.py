"""What is about nothing in particular is recognised in each language, and questions proper are left alone."""

import pytest

from app.providers.local.builtin.small_talk import languages_of, opening


@pytest.mark.parametrize(
    ("question", "kind", "language", "rest"),
    [
        ("Hello!", "greeting", "en", "!"),
        ("hi", "greeting", "en", ""),
        ("HI", "greeting", "de", ""),
        ("Hallo", "greeting", "de", ""),
        ("hallo", "greeting", "nl", ""),
        ("Guten Tag, wann öffnen Sie?", "greeting", "de", ", wann offnen sie?"),
        ("¡Hola!", "greeting", "es", "!"),
        ("Buenos días", "greeting", "es", ""),
        ("Bonjour à tous", "greeting", "fr", ""),
        ("Buongiorno", "greeting", "it", ""),
        ("Olá", "greeting", "pt", ""),
        ("Goedemorgen", "greeting", "nl", ""),
        ("Dzień dobry", "greeting", "pl", ""),
        ("Merhaba", "greeting", "tr", ""),
        ("Günaydın", "greeting", "tr", ""),
        ("Здравствуйте!", "greeting", "ru", "!"),
        ("السلام عليكم", "greeting", "ar", ""),
        ("مرحباً", "greeting", "ar", ""),
        ("こんにちは。", "greeting", "ja", "。"),
        ("你好！", "greeting", "zh", "!"),
        ("thanks a lot", "thanks", "en", ""),
        ("Vielen Dank!", "thanks", "de", "!"),
        ("Danke schön", "thanks", "de", ""),
        ("muchas gracias", "thanks", "es", ""),
        ("Merci beaucoup", "thanks", "fr", ""),
        ("grazie mille", "thanks", "it", ""),
        ("Obrigada", "thanks", "pt", ""),
        ("dank je wel", "thanks", "nl", ""),
        ("Dziękuję bardzo", "thanks", "pl", ""),
        ("teşekkür ederim", "thanks", "tr", ""),
        ("Спасибо большое", "thanks", "ru", ""),
        ("شكراً جزيلاً", "thanks", "ar", ""),
        ("ありがとうございます", "thanks", "ja", ""),
        ("谢谢您", "thanks", "zh", ""),
    ],
)
def test_greetings_and_thanks_open_a_question(question, kind, language, rest) -> None:
    found, languages, left = opening(question)
    assert (found, left) == (kind, rest)
    assert language in languages


@pytest.mark.parametrize(
    "question",
    [
        "hi-fi speakers",
        "history of tea",
        "Hindi lessons?",
        "oil",
        "dagen",
        "mercimek çorbası var mı?",
        "Say hello",
        "сала",
        "сталь",
        "",
    ],
)
def test_what_only_begins_like_a_greeting_is_none(question) -> None:
    assert opening(question)[0] == ""


@pytest.mark.parametrize(
    ("kind", "language", "question"),
    [
        ("introduction", "en", "What can you do?"),
        ("introduction", "en", "are you a bot"),
        ("introduction", "de", "Was kannst du alles?"),
        ("introduction", "de", "Bist du ein Mensch?"),
        ("introduction", "de", "Hilfe!"),
        ("introduction", "es", "¿Quién eres?"),
        ("introduction", "fr", "Qui êtes-vous ?"),
        ("introduction", "it", "Cosa sai fare?"),
        ("introduction", "pt", "Quem é você?"),
        ("introduction", "nl", "Wie ben je?"),
        ("introduction", "pl", "Co potrafisz?"),
        ("introduction", "tr", "Robot musun?"),
        ("introduction", "ru", "Что вы умеете?"),
        ("introduction", "ar", "من أنت؟"),
        ("introduction", "ja", "あなたはロボットですか？"),
        ("introduction", "zh", "你是机器人吗？"),
        ("time", "en", "What time is it now?"),
        ("time", "en", "what's the date"),
        ("time", "de", "Wie spät ist es?"),
        ("time", "de", "Welcher Tag ist heute?"),
        ("time", "es", "¿Qué hora es?"),
        ("time", "fr", "Quelle heure est-il ?"),
        ("time", "it", "Che ore sono?"),
        ("time", "pt", "Que horas são?"),
        ("time", "nl", "Hoe laat is het?"),
        ("time", "pl", "Która godzina?"),
        ("time", "tr", "Saat kaç?"),
        ("time", "ru", "Который час?"),
        ("time", "ar", "كم الساعة الآن؟"),
        ("time", "ja", "今何時ですか"),
        ("time", "zh", "现在几点了？"),
        ("joke", "en", "Tell me a joke"),
        ("joke", "de", "Erzähl mir einen Witz"),
        ("joke", "es", "cuéntame un chiste"),
        ("joke", "fr", "Raconte une blague"),
        ("joke", "it", "una barzelletta, per favore"),
        ("joke", "pt", "conta uma piada"),
        ("joke", "nl", "vertel een grap"),
        ("joke", "pl", "opowiedz dowcip"),
        ("joke", "tr", "bana bir fıkra anlat"),
        ("joke", "ru", "расскажи анекдот"),
        ("joke", "ar", "أخبرني نكتة"),
        ("joke", "ja", "冗談を言って"),
        ("joke", "zh", "讲个笑话"),
        ("mine", "en", "Where is my bike?"),
        ("mine", "de", "Wo ist mein Fahrrad?"),
        ("mine", "es", "¿Dónde está mi bici?"),
        ("mine", "ru", "Где мой велосипед?"),
        ("mine", "ja", "私の自転車は？"),
    ],
)
def test_what_is_asked_for_is_recognised_in_each_language(kind, language, question) -> None:
    assert language in languages_of(kind, question)


@pytest.mark.parametrize(
    ("kind", "question"),
    [
        ("joke", "No joke, where is my parcel?"),
        ("joke", "Das ist kein Witz! Wo ist mein Paket?"),
        ("joke", "Ce n'est pas une blague, où est mon colis ?"),
        ("joke", "Esto no es un chiste, ¿dónde está mi pedido?"),
        ("joke", "Non è una barzelletta: dov'è il mio pacco?"),
        ("joke", "Isso não é uma piada, onde está o pacote?"),
        ("joke", "Dit is geen grap, waar is mijn pakje?"),
        ("joke", "Bu bir fıkra değil, paketim nerede?"),
        ("joke", "Это не шутка, где посылка?"),
        ("joke", "هذه ليست نكتة"),
        ("introduction", "What can you do about a broken pot?"),
        ("introduction", "Was können Sie mir empfehlen?"),
        ("introduction", "Do you help with moving?"),
        ("introduction", "Co możesz polecić?"),
        ("introduction", "Quem é você para perguntar isso aqui?"),
        ("time", "What time do you open?"),
        ("time", "What time is breakfast?"),
        ("time", "What is the date of the tasting?"),
        ("time", "Wie spät ist der letzte Einlass?"),
        ("time", "¿A qué hora es el desayuno?"),
        ("time", "営業時間は何時ですか"),
        ("time", "Сколько времени занимает доставка?"),
        ("time", "你们几点开门？"),
        ("joke", "Ile kosztuje kawałek sernika?"),
    ],
)
def test_a_customers_question_is_not_taken_for_small_talk(kind, question) -> None:
    assert languages_of(kind, question) == []
