"""Korean words without the particles and endings that are written onto them."""

_PARTICLES = """
    으로부터 에서부터 이라도 에서는 에서도 으로는 으로도 이라면 에게서 하나요 되나요 됩니까 합니까 인가요 입니까 입니다
    합니다 됩니다 했어요 되어요 해주세요 하는지 되는지 하려면 할까요 될까요 하나 되나 하면 되면 하기 하는 되는 된다
    한다 하고 해서 에서 에게 한테 부터 까지 보다 처럼 마다 조차 밖에 으로 에는 에도 이나 이랑 라도 만은 들은 들이
    들을 이란 이면 은 는 이 가 을 를 에 의 로 와 과 도 만 나 랑
"""
_LONGEST_FIRST = sorted(_PARTICLES.split(), key=len, reverse=True)


def without_particle(word: str) -> str:
    """At least two syllables stay."""
    for particle in _LONGEST_FIRST:
        if word.endswith(particle) and len(word) - len(particle) >= 2:
            return word[: -len(particle)]
    return word
