"""Questions for a person are recognised in each of the languages, and questions about people are left alone."""

from time import process_time

import pytest

from app.language.handover import asks_for_a_person

FOR_A_PERSON = """
Can I talk to a human?
I want to speak with a real person please
human
agent please
Connect me to customer service
Could I please talk to someone from your team about my order?
Is there a real person I can write to?
I need a human
transfer me to an operator
Ich möchte mit einem Mitarbeiter sprechen
Kann ich bitte mit einem Menschen reden?
Verbinden Sie mich mit einem Mitarbeiter
Ich will einen echten Menschen
Mitarbeiter bitte
moechte gern jemanden sprechen
Gibt es einen menschlichen Ansprechpartner?
Kann ich mit Ihrem Kundenservice telefonieren?
Je voudrais parler à un conseiller
Puis-je parler avec quelqu'un ?
Est-ce que je peux parler à une vraie personne
un humain svp
Quiero hablar con una persona
¿Puedo hablar con un agente humano?
páseme con un operador
agente por favor
Vorrei parlare con un operatore
posso parlare con qualcuno dell'assistenza?
operatore
Quero falar com um atendente
posso falar com alguém?
Kan ik met een medewerker spreken?
Ik wil iemand spreken
ik wil graag met een echt mens praten
Chcę porozmawiać z konsultantem
Czy mogę rozmawiać z człowiekiem?
Müşteri temsilcisiyle görüşmek istiyorum
Gerçek bir insanla konuşabilir miyim?
Beni bir yetkiliye bağlayın
Хочу поговорить с человеком
Соедините меня с оператором
позовите оператора, пожалуйста
оператор
أريد التحدث مع موظف
هل يمكنني التحدث إلى شخص حقيقي؟
حولني إلى خدمة العملاء
اريد اكلم موظف
人間と話したいです
オペレーターにつないでください
担当者と話せますか？
スタッフの方とお話しできますか
有人対応をお願いします
转人工
我要找人工客服
我想和真人说话
可以跟工作人员聊吗？
人工客服
"""
OTHERS = """
What are your opening hours?
How many people work here?
Do you have a human resources department?
Who is your agent in Spain?
Does your staff speak German?
Can I bring another person?
How many persons fit in the car?
Is the tea for human consumption?
Do I need a travel agent?
What does the support plan cost?
Wie viele Personen passen hinein?
Sprechen Ihre Mitarbeiter Englisch?
Habt ihr Angebote für Mitarbeiter?
Kann ich mit Karte zahlen?
Kann ich mit meinem Hund kommen?
Kostet es für zwei Personen mehr?
Combien de personnes travaillent ici ?
Le prix par personne ?
¿Cuántas personas caben?
¿Hablan español?
Precio por persona
Quanto costa per persona?
Parlate inglese?
Quantas pessoas cabem?
Há passe livre para funcionários?
Hoeveel kost het per persoon?
Ile osób pracuje u was?
Czy mówicie po angielsku?
Kaç kişi çalışıyor?
İngilizce konuşuyor musunuz?
Сколько человек работает?
Вы говорите по-английски?
كم عدد الموظفين؟
هل تتحدثون الإنجليزية؟
كم سعر الشاي؟
何人まで入れますか？
友人と話せる部屋はありますか
スタッフは何人いますか？
多少人可以参加？
客服电话是多少？
人工智能是什么？
你们的工作人员会说英语吗？
Talk to me about people
Can I talk with you about the staff?
[{"text": "Can you talk?"}]
"""


def listed(questions: str) -> list[str]:
    return questions.strip().splitlines()


@pytest.mark.parametrize("question", listed(FOR_A_PERSON))
def test_who_asks_for_a_person_is_recognised(question) -> None:
    assert asks_for_a_person(question)
    assert asks_for_a_person(f"  {question.upper()} !")


@pytest.mark.parametrize("question", listed(OTHERS))
def test_who_asks_about_people_is_not_taken_for_one(question) -> None:
    assert not asks_for_a_person(question)


@pytest.mark.parametrize("piece", ["mit ", "a ", "speak to ", "\u0623 ", "'", "x", "hablar con ", "İ", "話"])
def test_no_question_takes_long(piece) -> None:
    begun = process_time()
    assert not asks_for_a_person(piece * 100_000)
    assert process_time() - begun < 0.05
